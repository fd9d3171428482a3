package lab

import (
	"encoding/binary"
	"hash/crc32"
)

// A rawEntry is an entry of a ZIP file whose every field can be a lie.
type rawEntry struct {
	name, localName string
	data            []byte
	crc             uint32
	size            uint32 // uncompressed, as stated
	version         uint16
	flags, method   uint16
	attrs           uint32
	extra           []byte
}

// stored is the entry that package bundle writes.
func stored(name string, data []byte) rawEntry {
	return rawEntry{name: name, localName: name, data: data, crc: crc32.ChecksumIEEE(data), size: uint32(len(data)), version: 20, flags: 1 << 11, attrs: 0o100644 << 16}
}

// archive writes entries as they are, with a comment.
func archive(entries []rawEntry, comment string) []byte {
	le := binary.LittleEndian
	var b, dir []byte
	common := func(b []byte, e *rawEntry, name string) []byte {
		b = le.AppendUint16(b, e.version)
		b = le.AppendUint16(b, e.flags)
		b = le.AppendUint16(b, e.method)
		b = le.AppendUint32(b, 0x00210000) // 1980-01-01 00:00
		b = le.AppendUint32(b, e.crc)
		b = le.AppendUint32(b, uint32(len(e.data)))
		b = le.AppendUint32(b, e.size)
		b = le.AppendUint16(b, uint16(len(name)))
		return le.AppendUint16(b, uint16(len(e.extra)))
	}
	for i := range entries {
		e := &entries[i]
		dir = le.AppendUint32(dir, 0x02014b50)
		dir = le.AppendUint16(dir, 3<<8|e.version)
		dir = common(dir, e, e.name)
		dir = append(dir, 0, 0, 0, 0, 0, 0)
		dir = le.AppendUint32(dir, e.attrs)
		dir = le.AppendUint32(dir, uint32(len(b)))
		dir = append(append(dir, e.name...), e.extra...)
		b = le.AppendUint32(b, 0x04034b50)
		b = common(b, e, e.localName)
		b = append(append(append(b, e.localName...), e.extra...), e.data...)
	}
	at := len(b)
	b = append(b, dir...)
	b = le.AppendUint32(b, 0x06054b50)
	b = append(b, 0, 0, 0, 0)
	b = le.AppendUint16(b, uint16(len(entries)))
	b = le.AppendUint16(b, uint16(len(entries)))
	b = le.AppendUint32(b, uint32(len(dir)))
	b = le.AppendUint32(b, uint32(at))
	b = le.AppendUint16(b, uint16(len(comment)))
	return append(b, comment...)
}
