package capture

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// A chunk is one encoded picture.
type chunk struct {
	Micros int64  `json:"t"`
	Key    bool   `json:"k"`
	Data   []byte `json:"d"`
}

// Elements of WebM (webmproject.org/docs/container), a subset of Matroska (RFC 9559)
// in EBML (RFC 8794).
const (
	idEBML        = 0x1A45DFA3
	idEBMLVersion = 0x4286
	idEBMLRead    = 0x42F7
	idMaxIDLen    = 0x42F2
	idMaxSizeLen  = 0x42F3
	idDocType     = 0x4282
	idDocVersion  = 0x4287
	idDocRead     = 0x4285
	idSegment     = 0x18538067
	idInfo        = 0x1549A966
	idScale       = 0x2AD7B1
	idDuration    = 0x4489
	idMuxer       = 0x4D80
	idWriter      = 0x5741
	idTracks      = 0x1654AE6B
	idTrack       = 0xAE
	idTrackNumber = 0xD7
	idTrackUID    = 0x73C5
	idTrackType   = 0x83
	idCodec       = 0x86
	idVideo       = 0xE0
	idWidth       = 0xB0
	idHeight      = 0xBA
	idCluster     = 0x1F43B675
	idTimestamp   = 0xE7
	idBlock       = 0xA3
	idCues        = 0x1C53BB6B
	idCuePoint    = 0xBB
	idCueTime     = 0xB3
	idCuePlace    = 0xB7
	idCueTrack    = 0xF7
	idCueCluster  = 0xF1
)

// webm puts VP8 pictures into a WebM file: a cluster for each key frame, and cues
// before them, so that players can seek.
func webm(width, height int, length time.Duration, chunks []chunk) ([]byte, error) {
	if len(chunks) == 0 || !chunks[0].Key {
		return nil, errors.New("the encoder gave no key frame first")
	}
	type cluster struct {
		at   int64 // milliseconds
		data []byte
	}
	var clusters []cluster
	for i := 0; i < len(chunks); {
		at := chunks[i].Micros / 1000
		body := uintElement(idTimestamp, uint64(at))
		for first := i; i < len(chunks) && (i == first || !chunks[i].Key); i++ {
			c := chunks[i]
			rel := c.Micros/1000 - at
			if rel > math.MaxInt16 {
				break // a cluster reaches no further
			}
			block := binary.BigEndian.AppendUint16([]byte{0x81}, uint16(rel))
			flags := byte(0)
			if c.Key {
				flags = 0x80
			}
			body = append(body, element(idBlock, append(append(block, flags), c.Data...))...)
		}
		clusters = append(clusters, cluster{at, element(idCluster, body)})
	}
	info := element(idInfo, join(
		uintElement(idScale, 1_000_000), // a tick is a millisecond
		element(idDuration, binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(length.Milliseconds())))),
		element(idMuxer, []byte("zhenglian")), element(idWriter, []byte("zhenglian"))))
	tracks := element(idTracks, element(idTrack, join(
		uintElement(idTrackNumber, 1), uintElement(idTrackUID, 1), uintElement(idTrackType, 1), element(idCodec, []byte("V_VP8")),
		element(idVideo, join(uintElement(idWidth, uint64(width)), uintElement(idHeight, uint64(height)))))))
	cues := func(base uint64) []byte {
		var b []byte
		for _, c := range clusters {
			b = append(b, element(idCuePoint, join(fixedElement(idCueTime, uint64(c.at)),
				element(idCuePlace, join(uintElement(idCueTrack, 1), fixedElement(idCueCluster, base)))))...)
			base += uint64(len(c.data))
		}
		return element(idCues, b)
	}
	before := uint64(len(info) + len(tracks) + len(cues(0))) // positions have a fixed length
	segment := join(info, tracks, cues(before))
	for _, c := range clusters {
		segment = append(segment, c.data...)
	}
	return join(element(idEBML, join(uintElement(idEBMLVersion, 1), uintElement(idEBMLRead, 1), uintElement(idMaxIDLen, 4), uintElement(idMaxSizeLen, 8),
		element(idDocType, []byte("webm")), uintElement(idDocVersion, 4), uintElement(idDocRead, 2))), element(idSegment, segment)), nil
}

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// element is an EBML element: its id, its length in eight bytes, its data.
func element(id uint32, data []byte) []byte {
	var b []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if v := byte(id >> shift); v != 0 || len(b) > 0 {
			b = append(b, v)
		}
	}
	b = binary.BigEndian.AppendUint64(b, 1<<56|uint64(len(data)))
	return append(b, data...)
}

func uintElement(id uint32, v uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, v)
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	return element(id, b)
}

// fixedElement has the same length for every value.
func fixedElement(id uint32, v uint64) []byte {
	return element(id, binary.BigEndian.AppendUint64(nil, v))
}
