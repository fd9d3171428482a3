package state

import (
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// Rules are what one protocol version computes. What a released version
// computes never changes; a change is a new version, and a program carries all
// versions of its chain, so that it can replay the chain from its first block.
type Rules struct {
	Check    func(c *Ctx, o *Opened) (Effect, error)
	EndBlock func(c *Ctx, b *store.Block) (Updates, error)
}

// Versions returns the rules of this program by protocol version.
func Versions() map[int64]Rules {
	return map[int64]Rules{1: {Check, EndBlock}}
}

// planUpgrade enacts gov.upgrade: a protocol version from a later height on.
// There is at most one to come; the version in force calls it off.
func (c *Ctx) planUpgrade(b *tx.Upgrade) ([]write, error) {
	switch {
	case b.Version < c.Dir.Params.Protocol:
		return nil, refuse(tx.CodeProtocol, "body.version", "")
	case b.Version == c.Dir.Params.Protocol && c.Dir.upgrade == nil:
		return nil, refuse(tx.CodeNothing, "body.version", "")
	case b.Version == c.Dir.Params.Protocol:
		return []write{{row.UpgradeKey(), nil}}, nil
	case b.Height <= c.Height:
		return nil, refuse(tx.CodeHeight, "body.height", "want a later height than this one")
	}
	u := row.Upgrade{Height: b.Height, Info: b.Info, Version: b.Version}
	if c.Dir.upgrade != nil && *c.Dir.upgrade == u {
		return nil, refuse(tx.CodeNothing, "", "")
	}
	return []write{{row.UpgradeKey(), u.Encode()}}, nil
}

// BeginBlock puts a protocol version into force whose height has come, and
// notes which validators, by address, have signed the last block.
func BeginBlock(c *Ctx, b *store.Block, signed [][20]byte) error {
	writes := c.noteSigners(signed)
	if u := c.Dir.upgrade; u != nil && u.Height == c.Height {
		p := c.Dir.Params
		p.Protocol = u.Version
		writes = append(writes, write{row.ParamsKey(), p.Encode()}, write{row.UpgradeKey(), nil})
	}
	return c.apply(b, writes)
}
