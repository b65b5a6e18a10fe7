package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// A cache is values, which are texts, on several servers. Any number of goroutines may use it. Each key has its server;
// while that is gone, its keys are errors, and the others are there.
type cache struct{ client *memcache.Client }

// newCache returns the cache on these servers, all of which must answer.
func newCache(servers []string) (*cache, error) {
	list := new(memcache.ServerList)
	if err := list.SetServers(servers...); err != nil {
		return nil, err
	}
	c := &cache{memcache.NewFromSelector(list)}
	c.client.Timeout = 30 * time.Second
	c.client.MaxIdleConns = 64
	if err := c.client.Ping(); err != nil {
		c.close()
		return nil, fmt.Errorf("not all servers answer: %w", err)
	}
	return c, nil
}

func (c *cache) close() { _ = c.client.Close() }

// set stores a value for a time; 0 is forever.
func (c *cache) set(key, value string, d time.Duration) error {
	return c.client.Set(&memcache.Item{Key: key, Value: []byte(value), Expiration: int32(d / time.Second)})
}

// get returns a value, or memcache.ErrCacheMiss.
func (c *cache) get(key string) (string, error) {
	item, err := c.client.Get(key)
	if err != nil {
		return "", err
	}
	return string(item.Value), nil
}

// add stores a value if there is none, and replace if there is one; else they return memcache.ErrNotStored.
func (c *cache) add(key, value string) error     { return c.client.Add(item(key, value)) }
func (c *cache) replace(key, value string) error { return c.client.Replace(item(key, value)) }

// append and prepend do so with a value that is there.
func (c *cache) append(key, value string) error  { return c.client.Append(item(key, value)) }
func (c *cache) prepend(key, value string) error { return c.client.Prepend(item(key, value)) }

func item(key, value string) *memcache.Item { return &memcache.Item{Key: key, Value: []byte(value)} }

func (c *cache) delete(key string) error { return c.client.Delete(key) }

// add64 adds to a number, which does not get below 0.
func (c *cache) add64(key string, n int64) (uint64, error) {
	if n < 0 {
		return c.client.Decrement(key, -uint64(n))
	}
	return c.client.Increment(key, uint64(n))
}

// setMany stores all, or returns the errors of those that it could not.
func (c *cache) setMany(values map[string]string) error {
	var errs []error
	for key, value := range values {
		if err := c.set(key, value, 0); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// getMany returns the values that are there.
func (c *cache) getMany(keys ...string) (map[string]string, error) {
	items, err := c.client.GetMulti(keys)
	values := make(map[string]string, len(items))
	for key, item := range items {
		values[key] = string(item.Value)
	}
	return values, err
}

// take takes 1 from a number, unless it is 0 already. It tries again as long as others are faster.
func (c *cache) take(key string) (taken bool, err error) {
	for {
		item, err := c.client.Get(key)
		if err != nil {
			return false, err
		}
		n, err := strconv.Atoi(string(item.Value))
		if err != nil || n == 0 {
			return false, err
		}
		item.Value = strconv.AppendInt(nil, int64(n-1), 10)
		if err = c.client.CompareAndSwap(item); !errors.Is(err, memcache.ErrCASConflict) {
			return err == nil, err
		}
	}
}
