package check

var probes = []Check{}
