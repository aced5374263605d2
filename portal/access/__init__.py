"""Access: who may see and do what. The only place that decides."""

from portal.access.scope import SYSTEM, ProjectFacts, Role, Scope, StaffRole, Viewer, open_scope, with_looking

__all__ = ["SYSTEM", "ProjectFacts", "Role", "Scope", "StaffRole", "Viewer", "open_scope", "with_looking"]
