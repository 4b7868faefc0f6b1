package pgtest

import "syscall"

// memoryFolder is a folder in memory with room for a cluster, or "". Four free gigabytes stand for a machine of eight: a
// container's usual 64 MB would fill up.
func memoryFolder() string {
	const folder, tmpfs, enough = "/dev/shm", 0x01021994, 4 << 30
	var fs syscall.Statfs_t
	if syscall.Statfs(folder, &fs) != nil || fs.Type != tmpfs || fs.Bavail*uint64(fs.Bsize) < enough {
		return ""
	}
	return folder
}
