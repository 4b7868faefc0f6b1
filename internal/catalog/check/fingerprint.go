package check

var fingerprints = []Check{}
