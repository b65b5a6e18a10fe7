package nonblock

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// ReadFrom reads a packet, or what a stream has, and returns the sender, nil if it has no address. network is that of
// the sender's address, one of those of net: it tells the addresses apart that look alike.
func ReadFrom(conn syscall.RawConn, network string, b []byte) (n int, from net.Addr, err error) {
	c := &call{b: b, do: func(c *call, fd int) error {
		var sender syscall.Sockaddr
		if c.n, sender, err = receive(fd, c.b); err == nil {
			from = addr(sender, network)
		}
		return c.end(fd, err)
	}}
	n, err = c.count(conn)
	return n, from, err
}

// WriteTo sends a packet.
func WriteTo(conn syscall.RawConn, b []byte, to net.Addr) (n int, err error) {
	err = Control(conn, func(fd int) error {
		family, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_DOMAIN)
		if err != nil {
			return failed("getsockopt", err)
		}
		receiver, err := sockaddr(to, family)
		if err != nil {
			return err
		}
		n, err = send(fd, b, receiver)
		return failed("write", err)
	})
	return n, err
}

// addr returns what net calls the address.
func addr(sa syscall.Sockaddr, network string) net.Addr {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return ipAddr(sa.Addr[:], sa.Port, "", network)
	case *syscall.SockaddrInet6:
		return ipAddr(sa.Addr[:], sa.Port, zoneName(sa.ZoneId), network)
	case *syscall.SockaddrUnix:
		if sa.Name != "" {
			return &net.UnixAddr{Name: sa.Name, Net: network}
		}
	}
	return nil
}

func ipAddr(ip net.IP, port int, zone, network string) net.Addr {
	switch network {
	case "ip":
		return &net.IPAddr{IP: ip, Zone: zone}
	case "tcp":
		return &net.TCPAddr{IP: ip, Port: port, Zone: zone}
	}
	return &net.UDPAddr{IP: ip, Port: port, Zone: zone}
}

// sockaddr is the way back, for a socket of a family.
func sockaddr(to net.Addr, family int) (syscall.Sockaddr, error) {
	switch to := to.(type) {
	case *net.UDPAddr:
		if to != nil {
			return inet(to.IP, to.Port, to.Zone, family)
		}
	case *net.IPAddr:
		if to != nil {
			return inet(to.IP, 0, to.Zone, family)
		}
	case *net.UnixAddr:
		if to != nil && family == syscall.AF_UNIX {
			return &syscall.SockaddrUnix{Name: to.Name}, nil
		}
	}
	return nil, badAddr(to)
}

func inet(ip net.IP, port int, zone string, family int) (syscall.Sockaddr, error) {
	switch family {
	case syscall.AF_INET:
		if len(ip) == 0 {
			ip = net.IPv4zero
		}
		if v4 := ip.To4(); v4 != nil {
			return &syscall.SockaddrInet4{Port: port, Addr: [4]byte(v4)}, nil
		}
	case syscall.AF_INET6:
		if len(ip) == 0 {
			ip = net.IPv6zero
		}
		if v6 := ip.To16(); v6 != nil {
			return &syscall.SockaddrInet6{Port: port, Addr: [16]byte(v6), ZoneId: zoneID(zone)}, nil
		}
	}
	return nil, badAddr(&net.UDPAddr{IP: ip, Port: port, Zone: zone})
}

func badAddr(to net.Addr) error {
	text := "no address"
	if to != nil {
		text = fmt.Sprintf("%T %v", to, to)
	}
	return fmt.Errorf("%s: %w", text, errors.New("want an address of the socket's own kind"))
}

// zoneName returns the name of a network interface, and its number where it has none.
func zoneName(id uint32) string {
	if id == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(int(id)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(id), 10)
}

func zoneID(name string) uint32 {
	if name == "" {
		return 0
	}
	if i, err := net.InterfaceByName(name); err == nil {
		return uint32(i.Index)
	}
	id, _ := strconv.ParseUint(name, 10, 32)
	return uint32(id)
}
