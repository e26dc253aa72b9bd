// Package pyzone answers the question "what does this pyzone hold?". A pyzone
// is a zone written as a Python list of calls, as Twisted Names reads it:
//
//	zone = [
//	    SOA('example.com', mname='ns1.example.com', rname='root.example.com', minimum='1H'),
//	    NS('example.com', 'ns1.example.com'),
//	    A('ns1.example.com', '192.0.2.1'),
//	]
//
// [Read] and [ReadFile] hand out one [Record] after the other. lexer.go cuts
// the text into tokens, parser.go reads the statements, record.go makes record
// data of the calls, literal.go knows Python's string and number literals.
//
// Nothing is ever run. What is not a literal, or a call of a record class with
// literals, is an error that names the construct; every error says file, line
// and column, and reading goes on at the next record. Size of the text, of
// strings and depth of brackets are bounded. A record and all it points to is
// lent until the function it was given to returns. Calls share nothing and may
// run at the same time.
//
// Read next: FORMAT.md says which part of Python this is and where records
// differ from Twisted's; package diagnostic has the list the errors go to.
package pyzone
