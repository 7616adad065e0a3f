"""The routes of Confluent's schema registry, for clients that know nothing else."""

from protolith.web.confluent.associations import router as associations
from protolith.web.confluent.schemas import listing
from protolith.web.confluent.schemas import router as schemas
from protolith.web.confluent.settings import router as settings
from protolith.web.confluent.subjects import router as subjects

ROUTERS = (listing, schemas, subjects, settings, associations)
"""They stand before all others: `/schemas/types` is no schema id."""
