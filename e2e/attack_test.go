package e2e

import "flag"

// attack runs the attacks at their full length (make attack). Without it they run a short version.
var attack = flag.Bool("attack", false, "run the attacks at their full length")
