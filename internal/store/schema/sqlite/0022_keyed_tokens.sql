-- What is stored of a token can be an HMAC under a service key: 33 bytes, of which the first is 0x02. A row that was
-- inserted without the key then signs no user in. Until the contraction programs store the SHA-256 of the secret, 32
-- bytes, because the version before understands nothing else. Sessions and API keys of that time are converted when
-- they are used next; set-up links, which work for half an hour, end.
-- SQLite changes the constraints in the contraction: they need no scan outside of its lock.
SELECT 1;
