package state

import (
	_ "net"             // want environment
	_ "net/http"        // want environment
	"os"                // want environment
	_ "os/exec"         // want environment
	_ "os/signal"       // want environment
	_ "os/user"         // want environment
	_ "plugin"          // want environment
	"runtime"           // want environment
	_ "runtime/debug"   // want environment
	_ "runtime/metrics" // want environment
	_ "syscall"         // want environment
	_ "unsafe"          // want environment
)

func machine() {
	_ = os.Getenv("TZ")       // want environment
	_, _ = os.LookupEnv("TZ") // want environment
	_ = os.Environ()          // want environment
	_ = os.ExpandEnv("$TZ")   // want environment
	_ = os.Getpid()           // want environment
	_, _ = os.Hostname()      // want environment
	_ = runtime.GOMAXPROCS(0) // want environment
	_ = runtime.NumCPU()      // want environment
}
