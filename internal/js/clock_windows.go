package js

import "time"

// threadCPU stands in with the time of day: Windows is for development only.
func threadCPU() time.Duration { return time.Duration(time.Now().UnixNano()) }

// wakeMonitor does nothing here, where there is no worker process.
func wakeMonitor() {}
