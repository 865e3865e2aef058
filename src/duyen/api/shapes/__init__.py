"""The shapes of answers, as the API's description and the console's types have them.

An instant is RFC 3339 in UTC; a total of money is a decimal string whose currency stands once in the answer; an
estimate is plain numbers; a rate is a fraction; null where nothing is known, never a missing field.
One file for each noun.
"""
