-- Domains of email addresses are not indexed by default: their tokens disclose the mail provider of almost every user.
INSERT INTO settings (id, name, value, description, created_at, updated_at) VALUES
  ({id:8008-30}, 'search.domains', '"off"', 'Whether users can be searched by the domain of their address: on or off.',
    {time:2026-11-28}, {time:2026-11-28});
