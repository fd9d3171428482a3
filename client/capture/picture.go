package capture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// perceptual is a hash of what a picture looks like, dHash: reduced to 9 x 8 grey
// fields by averaging, a bit for each field that is brighter than the one to its right, row by
// row, most significant first. Pictures that look alike differ in few of the 64 bits.
// It finds copies; it proves nothing.
func perceptual(pngFile []byte) (string, error) {
	config, err := png.DecodeConfig(bytes.NewReader(pngFile))
	if err != nil {
		return "", err
	}
	if int64(config.Width)*int64(config.Height) > 64<<20 {
		return "", fmt.Errorf("a picture of %d x %d pixels", config.Width, config.Height)
	}
	img, err := png.Decode(bytes.NewReader(pngFile))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%016x", differenceHash(img)), nil
}

func differenceHash(img image.Image) (hash uint64) {
	const w, h = 9, 8
	b := img.Bounds()
	var sum, n [h][w]int64
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			i, j := (y-b.Min.Y)*h/b.Dy(), (x-b.Min.X)*w/b.Dx()
			sum[i][j] += int64(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			n[i][j]++
		}
	}
	for i := range h {
		for j := range w - 1 {
			hash <<= 1
			if sum[i][j]*n[i][j+1] > sum[i][j+1]*n[i][j] {
				hash |= 1
			}
		}
	}
	return hash
}
