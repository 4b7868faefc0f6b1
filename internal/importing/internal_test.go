package importing

// Under the race detector SQLite takes milliseconds per user: with small batches a short file has several of them.
func init() { batchSize = 100 }
