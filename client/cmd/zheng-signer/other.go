//go:build !js

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "zheng-signer runs in a browser: scripts/wasm builds it. On the command line: zheng sign")
	os.Exit(2)
}
