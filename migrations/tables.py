"""Every table there is: importing this module makes `Base.metadata` whole, for migrations and whole-database checks."""

from api import models as api
from portal.acceptance import models as acceptance
from portal.access import models as access
from portal.backlog import models as backlog
from portal.billing import models as billing
from portal.calendar_feed import models as calendar_feed
from portal.changes import models as changes
from portal.connectors import models as connectors
from portal.decisions import models as decisions
from portal.designs import models as designs
from portal.files import models as files
from portal.identity import models as identity
from portal.ledger import models as ledger
from portal.notify import models as notify
from portal.notify.webhooks import models as webhooks
from portal.people import models as people
from portal.projects import models as projects
from portal.requirements import models as requirements
from portal.trace import models as trace

ROOMS = (
    api,
    acceptance,
    ledger,
    access,
    notify,
    people,
    projects,
    identity,
    backlog,
    connectors,
    files,
    decisions,
    changes,
    designs,
    webhooks,
    trace,
    requirements,
    calendar_feed,
    billing,
)
NOT_MODELLED = {"item_search"}
"""Tables that only SQL knows: the search index differs by database."""
