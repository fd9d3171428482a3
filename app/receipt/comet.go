package receipt

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"zhenglian/app/tx"
)

// Hash returns CometBFT's header hash: the Merkle root of the header's fields,
// each in its protobuf form, in the order of CometBFT's types/block.go.
func (h *Header) Hash() [32]byte {
	var version []byte
	version = appendVarint(version, 1, h.BlockVersion)
	version = appendVarint(version, 2, h.AppVersion)
	return merkleRoot([][]byte{
		version,
		appendBytes(nil, 1, []byte(h.ChainID)),
		appendVarint(nil, 1, uint64(h.Height)),
		h.Time.proto(),
		h.LastBlockID.proto(),
		appendBytes(nil, 1, h.LastCommitHash),
		appendBytes(nil, 1, h.DataHash),
		appendBytes(nil, 1, h.ValidatorsHash),
		appendBytes(nil, 1, h.NextValidatorsHash),
		appendBytes(nil, 1, h.ConsensusHash),
		appendBytes(nil, 1, h.AppHash),
		appendBytes(nil, 1, h.LastResultsHash),
		appendBytes(nil, 1, h.EvidenceHash),
		appendBytes(nil, 1, h.ProposerAddress),
	})
}

// proto is google.protobuf.Timestamp.
func (t Time) proto() []byte {
	return appendVarint(appendVarint(nil, 1, uint64(t.Sec)), 2, uint64(t.Nano))
}

// proto is tendermint.types.BlockID, whose part set header is always there.
func (b *BlockID) proto() []byte {
	parts := appendBytes(appendVarint(nil, 1, uint64(b.PartsTotal)), 2, b.PartsHash)
	return appendMessage(appendBytes(nil, 1, b.Hash), 2, parts)
}

// A voter makes the bytes that each validator signs for one block. They differ
// only in the time.
type voter struct {
	head []byte // up to the timestamp
	tail []byte // after it
}

// precommits returns the voter for the block of header hash, which is of chain.
func (c *Commit) precommits(chain string, height int64, hash [32]byte) voter {
	const precommit = 2
	var v voter
	v.head = appendVarint(v.head, 1, precommit)
	v.head = appendFixed(v.head, 2, uint64(height))
	v.head = appendFixed(v.head, 3, uint64(c.Round))
	id := BlockID{Hash: hash[:], PartsTotal: c.PartsTotal, PartsHash: c.PartsHash}
	v.head = appendMessage(v.head, 4, id.proto()) // CanonicalBlockID has the form of BlockID
	v.tail = appendBytes(nil, 6, []byte(chain))
	return v
}

// signBytes is tendermint.types.CanonicalVote behind its length.
func (v *voter) signBytes(t Time) []byte {
	stamp := appendMessage(nil, 5, t.proto())
	b := binary.AppendUvarint(make([]byte, 0, 160), uint64(len(v.head)+len(stamp)+len(v.tail)))
	b = append(b, v.head...)
	b = append(b, stamp...)
	return append(b, v.tail...)
}

// ValidatorsHash returns CometBFT's hash of the validators with which t begins.
func (t *Trust) ValidatorsHash() [32]byte { return validatorsHash(t.Validators) }

func validatorsHash(vs []Validator) [32]byte {
	leaves := make([][]byte, len(vs))
	for i := range vs {
		v := &vs[i]
		leaves[i] = appendVarint(appendMessage(nil, 1, appendBytes(nil, 1, v.PubKey[:])), 2, uint64(v.Power))
	}
	return merkleRoot(leaves)
}

// Errors of verifying a block, told apart because each has its own sentence.
var (
	errOtherValidators = errors.New("the block was signed by another set of validators than the trusted one")
	errNoQuorum        = errors.New("two thirds of the voting power or less signed the block")
)

// verify checks that b is the block of height on t's chain, signed by those who
// are in office then as far as t knows. It returns the power that signed.
func (b *SignedBlock) verify(t *Trust, height int64) (signed int64, err error) {
	return b.verifyBy(t.Chain, t.validatorsAt(height), height)
}

// verifyBy checks that the header names the trusted validators and more than two
// thirds of their power signed it. A signature that does not verify is an error
// even where enough others do.
func (b *SignedBlock) verifyBy(chain string, trusted []Validator, height int64) (signed int64, err error) {
	h := &b.Header
	if h.ChainID != chain {
		return 0, fmt.Errorf("the block is of chain %q", h.ChainID)
	}
	if h.Height != height {
		return 0, fmt.Errorf("the block is of height %d, not %d", h.Height, height)
	}
	if set := validatorsHash(trusted); string(h.ValidatorsHash) != string(set[:]) {
		return 0, errOtherValidators
	}
	votes := b.Commit.precommits(h.ChainID, h.Height, h.Hash())
	last := -1
	for i := range b.Commit.Signatures {
		s := &b.Commit.Signatures[i]
		if s.Validator <= last || s.Validator >= len(trusted) {
			return 0, fmt.Errorf("signature %d: validator %d is unknown, repeated or out of order", i, s.Validator)
		}
		last = s.Validator
		v := &trusted[s.Validator]
		if !ed25519.Verify(v.PubKey[:], votes.signBytes(s.Time), s.Sig) {
			return 0, fmt.Errorf("the signature of validator %d does not verify", s.Validator)
		}
		signed += v.Power
	}
	if 3*signed <= 2*power(trusted) {
		return signed, errNoQuorum
	}
	return signed, nil
}

// merkleRoot is the RFC 6962 tree hash as CometBFT's crypto/merkle has it.
func merkleRoot(leaves [][]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return node(merkleRoot(leaves[:k]), merkleRoot(leaves[k:]))
}

func node(left, right [32]byte) [32]byte {
	var b [65]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// leafHash is the leaf of an entry in the log.
func leafHash(height int64, envelope []byte) [32]byte {
	b := make([]byte, 1, 9+len(envelope))
	b = binary.BigEndian.AppendUint64(b, uint64(height))
	return sha256.Sum256(append(b, envelope...))
}

// appHash is the application hash over both trees; see the package comment.
func appHash(logSize uint64, logRoot, stateRoot tx.Digest) [32]byte {
	l := binary.BigEndian.AppendUint64([]byte("\x00log"), logSize)
	s := []byte("\x00state")
	return node(sha256.Sum256(append(l, logRoot[:]...)), sha256.Sum256(append(s, stateRoot[:]...)))
}

// The protobuf forms in use: a field with its default value is left out, a
// message is there even when it is empty.

func appendVarint(b []byte, field int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(append(b, byte(field<<3)), v)
}

func appendFixed(b []byte, field int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint64(append(b, byte(field<<3|1)), v)
}

func appendBytes(b []byte, field int, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return appendMessage(b, field, v)
}

func appendMessage(b []byte, field int, v []byte) []byte {
	b = binary.AppendUvarint(append(b, byte(field<<3|2)), uint64(len(v)))
	return append(b, v...)
}
