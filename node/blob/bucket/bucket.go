// Package bucket keeps the objects of a store in an S3 bucket, through
// gocloud.dev/blob. Any service that speaks S3 will do.
//
// An object becomes visible when its upload is completed, and an upload that fails
// is aborted: that is how S3 works. With a lock, every object is written with a date
// until which nobody can delete or overwrite that version of it, not even with the
// credentials of the store; the bucket must have been made with object lock.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	tmtypes "github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	gocloud "gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"

	"zhenglian/node/blob"
)

// Config says which bucket.
type Config struct {
	// URL is s3://BUCKET?region=R&endpoint=https://HOST&use_path_style=true, as
	// gocloud.dev/blob/s3blob reads it. Credentials are those of the AWS SDK:
	// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or its files.
	URL string

	// Prefix is put before the names.
	Prefix string

	// Lock is how long nobody may delete an object after it is written; 0: no lock.
	Lock time.Duration
}

// A Bucket is blob.Objects in S3.
type Bucket struct {
	bucket *gocloud.Bucket
	client *s3.Client
	name   string
	prefix string
	lock   time.Duration
}

var _ blob.Objects = (*Bucket)(nil)

// Open opens a bucket and, if objects are to be locked, makes sure that it can.
func Open(ctx context.Context, c Config) (*Bucket, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	if u.Scheme != s3blob.Scheme || u.Host == "" {
		return nil, fmt.Errorf("open bucket: %q is not s3://BUCKET", u.Redacted())
	}
	bucket, err := new(s3blob.URLOpener).OpenBucketURL(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	b := &Bucket{bucket: bucket, name: u.Host, prefix: c.Prefix, lock: c.Lock}
	if !bucket.As(&b.client) {
		bucket.Close()
		return nil, errors.New("open bucket: no S3 client behind it")
	}
	if err := b.check(ctx); err != nil {
		bucket.Close()
		return nil, fmt.Errorf("open bucket %s: %w", b.name, err)
	}
	return b, nil
}

// check finds out now what every write would find out.
func (b *Bucket) check(ctx context.Context) error {
	if b.lock == 0 {
		_, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
		return err
	}
	out, err := b.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &b.name})
	if err != nil {
		return fmt.Errorf("object lock is asked for: %w", err)
	}
	if out.ObjectLockConfiguration == nil || out.ObjectLockConfiguration.ObjectLockEnabled != types.ObjectLockEnabledEnabled {
		return errors.New("object lock is asked for, and the bucket was made without it")
	}
	return nil
}

// Close releases the connections.
func (b *Bucket) Close() error { return b.bucket.Close() }

func (b *Bucket) key(name string) string { return b.prefix + name }

// Write implements blob.Objects.
func (b *Bucket) Write(ctx context.Context, name string, fill func(io.Writer) error) error {
	ctx, abort := context.WithCancel(ctx)
	defer abort() // before Close it has the upload aborted
	w, err := b.bucket.NewWriter(ctx, b.key(name), &gocloud.WriterOptions{
		ContentType: "application/octet-stream", DisableContentTypeDetection: true, BeforeWrite: b.keep,
	})
	if err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	if err := fill(w); err != nil {
		abort()
		w.Close()
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	return nil
}

// keep asks for the lock.
func (b *Bucket) keep(as func(any) bool) error {
	if b.lock == 0 {
		return nil
	}
	var in *transfermanager.UploadObjectInput
	if !as(&in) {
		return errors.New("the driver takes no lock")
	}
	in.ObjectLockMode = tmtypes.ObjectLockModeCompliance
	in.ObjectLockRetainUntilDate = aws.Time(time.Now().Add(b.lock).UTC().Truncate(time.Second))
	return nil
}

// Read implements blob.Objects.
func (b *Bucket) Read(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	r, err := b.bucket.NewRangeReader(ctx, b.key(name), offset, length, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, 0, fmt.Errorf("object %s: %w", name, blob.ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read object: %w", err)
	}
	return r, r.Size(), nil
}

// Remove implements blob.Objects. It deletes every version: a marker that hides the
// object would leave the bytes there.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	key := b.key(name)
	pages := s3.NewListObjectVersionsPaginator(b.client, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("remove object: %w", err)
		}
		var versions []*string
		for _, v := range page.Versions {
			if aws.ToString(v.Key) == key {
				versions = append(versions, v.VersionId)
			}
		}
		for _, v := range page.DeleteMarkers {
			if aws.ToString(v.Key) == key {
				versions = append(versions, v.VersionId)
			}
		}
		for _, v := range versions {
			_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, VersionId: v})
			var refused smithy.APIError
			if b.lock > 0 && errors.As(err, &refused) && refused.ErrorCode() == "AccessDenied" {
				return fmt.Errorf("remove object %s: %w: %w", name, blob.ErrLocked, err)
			}
			if err != nil {
				return fmt.Errorf("remove object: %w", err)
			}
		}
	}
	return nil
}

// List implements blob.Objects.
func (b *Bucket) List(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		all := b.bucket.List(&gocloud.ListOptions{Prefix: b.prefix})
		for {
			o, err := all.Next(ctx)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield("", err)
				return
			}
			if !yield(o.Key[len(b.prefix):], nil) {
				return
			}
		}
	}
}
