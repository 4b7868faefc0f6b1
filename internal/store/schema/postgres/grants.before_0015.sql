-- What the version before the contraction of migration 0015 needs in addition, and the trigger on verified contacts.
GRANT UPDATE (expires_at) ON identifiers TO %[1]s;
