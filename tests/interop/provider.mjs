// An OpenID provider that has nothing to do with Entra ID, at the addresses that an Entra ID has. As there, a refresh token that
// was used stays valid: the adapter does not note its use, so reuse is not detected.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const [port, key, cert, tenant, client, secret, resource] = process.argv.slice(2);
const records = new Map();

class Adapter {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) { records.set(this.key(id), payload); }
  async find(id) { return records.get(this.key(id)); }
  async destroy(id) { records.delete(this.key(id)); }
  async consume(id) {
    if (this.model !== 'RefreshToken') records.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }
  async revokeByGrantId(grant) {
    for (const [name, payload] of records) if (payload.grantId === grant) records.delete(name);
  }
  search(field, value) {
    for (const [name, payload] of records) if (name.startsWith(`${this.model}:`) && payload[field] === value) return payload;
    return undefined;
  }
  async findByUid(uid) { return this.search('uid', uid); }
  async findByUserCode(code) { return this.search('userCode', code); }
}

const at = (name) => `/${tenant}/oauth2/v2.0/${name}`;
const provider = new Provider(`https://localhost:${port}`, {
  adapter: Adapter,
  clients: [{
    client_id: client,
    client_secret: secret,
    application_type: 'native',
    redirect_uris: ['http://localhost'],
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  }],
  routes: { authorization: at('authorize'), token: at('token'), device_authorization: at('devicecode') },
  features: { deviceFlow: { enabled: true }, devInteractions: { enabled: true } },
  scopes: ['openid', 'offline_access', 'profile', resource],
  claims: { openid: ['sub', 'oid', 'tid'], profile: ['name', 'preferred_username'] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  findAccount: async (_, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, oid: id, tid: tenant, name: 'Grace', preferred_username: 'grace@provider.example' }),
  }),
});
// Entra ID gives refresh tokens without `prompt=consent`, and has a `select_account`. What it does by itself is asked for here.
provider.use(async (ctx, next) => {
  if (ctx.path === at('authorize')) ctx.query = { ...ctx.query, prompt: 'login consent' };
  await next();
});
// What the protocol refused, for whoever looks at a failed test.
provider.on('grant.error', (_, error) => console.error(error.message, error.error_detail ?? ''));
provider.on('authorization.error', (_, error) => console.error(error.message, error.error_detail ?? ''));
createServer({ key: readFileSync(key), cert: readFileSync(cert) }, provider.callback())
  .listen(Number(port), '127.0.0.1', () => console.log('listening'));
