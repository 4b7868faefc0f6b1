-- The permission of backends that sign their users in. No role gets it; roles with all permissions have it.

INSERT INTO permissions (id, name, description, is_system, created_at, updated_at) VALUES
  ({id:8006-40}, 'clients.forward', 'Name the address of the client in Client-Address, when signing a user in.',
    TRUE, {time:2026-11-28}, {time:2026-11-28});
