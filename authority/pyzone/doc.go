// Package pyzone reads pyzones. A pyzone is a zone written as a Python list of
// calls, as Twisted Names reads it:
//
//	zone = [
//	    SOA('example.com', mname='ns1.example.com', rname='root.example.com', minimum='1H'),
//	    NS('example.com', 'ns1.example.com'),
//	    A('ns1.example.com', '192.0.2.1'),
//	]
//
// [Read] and [ReadFile] pass one [Record] after the other to a function. lexer.go
// splits the text into tokens, parser.go reads the statements, record.go makes
// record data from the calls, literal.go reads Python's string and number literals.
//
// Nothing is executed. Anything that is not a literal, or a call of a record class
// with literals, is an error that names the construct. Every error has file, line
// and column, and reading continues at the next record. The size of the text and of
// strings and the depth of brackets are bounded. A record and all it points to is
// valid until the function it is passed to returns. Calls share nothing and may run
// at the same time.
//
// Read next: FORMAT.md describes which part of Python this is and how records
// differ from Twisted's; package diagnostic has the list of errors.
package pyzone
