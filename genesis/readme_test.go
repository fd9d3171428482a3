package genesis_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"zhenglian/genesis"
)

// README.md lists the keys of the example consortium as they are.
func TestReadmeDemoKeys(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, k := range genesis.DemoKeys() {
		row := fmt.Sprintf("| `%s` | `%s` | %s | %s |\n", k.Name, k.Member, strings.Join(k.Roles, ", "), k.Type)
		if !strings.Contains(string(b), row) {
			t.Errorf("README.md lacks %s", row)
		}
		rows++
	}
	if got := strings.Count(string(b), " | secp256k1 |\n") + strings.Count(string(b), " | sm2 |\n") + strings.Count(string(b), " | mldsa65 |\n"); got != rows {
		t.Errorf("README.md lists %d keys of %d", got, rows)
	}
}
