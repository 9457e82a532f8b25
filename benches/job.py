"""What both Python jobs share: the sandbox's ids, and the tags of a new version."""
import datetime
import uuid

import msal

TENANT = "00000000-0000-0000-0000-000000000001"
CLIENT = "00000000-0000-0000-0000-0000000000c1"
VAULT = "https://contoso-kv.vault.azure.net"
SCOPE = ["https://api.partnercenter.microsoft.com/user_impersonation"]
LIFETIME = datetime.timedelta(days=90)


def app(client_secret):
    return msal.ConfidentialClientApplication(
        CLIENT, client_secret, authority=f"https://login.microsoftonline.com/{TENANT}"
    )


def redeem(app, refresh_token):
    answer = app.acquire_token_by_refresh_token(refresh_token, scopes=SCOPE)
    assert "refresh_token" in answer, answer.get("error_description")
    return answer["refresh_token"]


def tags(issued, before):
    return {
        "rotator-issued": issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "rotator-identity": before.tags["rotator-identity"],
        "rotator-run": f"{uuid.uuid4()} {before.version}",
    }


def now():
    return datetime.datetime.now(datetime.timezone.utc)
