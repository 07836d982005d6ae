from tests.functions.conftest import aws, workflow, served, desk
import re, pytest, json
from shared.adapters.database import Database
from tests.security.scene import *
from tests.security.gateway import *

@pytest.fixture
def owner(owner_url):
    o=Database(owner_url); yield o; o.close()

def test_discover(desk, owner):
    a=settle(desk, owner, "acme", "ZIMTSTERN-ACME")
    a.pipeline.put(TEXT.format(canary=a.canary))
    api=Api.of_today()
    def show(k,p,**kw):
        r=api.call(k,p,**kw); print("   SETUP",k,r.status,json.dumps(r.body)[:300]); return r
    show("GET /api/v1/documents",a.ada)
    show("POST /api/v1/folders",a.ada,body={"path":"/x"})
    show("POST /api/v1/collections",a.ada)
    show("POST /api/v1/searches",a.ada)
    show("POST /api/v1/chat",a.ada,body={"question":"Wie lang ist die Kündigungsfrist?"})
    show("POST /api/v1/agents/runs",a.ada,body={"task":"Wie viel sind 2 + 2?"})
    show("GET /api/v1/jobs",a.ada)
    for key,route in sorted(api.by_key.items()):
        try:
            r=api.call(key,nobody_like(a.ada))
            d=r.body.get("detail","") if isinstance(r.body,dict) else ""
            m=re.search(r"this: ([\w:]+)",d)
            print(r.status,key,"NEEDS" if m else "", m[1] if m else "", "" if m else json.dumps(r.body)[:200])
        except Exception as e:
            print("EXC",key,repr(e)[:200])
