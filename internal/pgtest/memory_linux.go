package pgtest

import "syscall"

// memoryFolder returns a folder in memory (tmpfs) with enough space for a cluster, or "". It requires 4 GB of free
// space, which a machine with 8 GB has by default. The usual 64 MB of a container would not be enough.
func memoryFolder() string {
	const folder, tmpfs, enough = "/dev/shm", 0x01021994, 4 << 30
	var fs syscall.Statfs_t
	if syscall.Statfs(folder, &fs) != nil || fs.Type != tmpfs || fs.Bavail*uint64(fs.Bsize) < enough {
		return ""
	}
	return folder
}
