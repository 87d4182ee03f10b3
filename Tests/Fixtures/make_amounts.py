"""Writes amounts.csv: amounts as Python's decimal module has them, to hold the decoder's arithmetic against.

text, form (number|plain), rate (empty: no conversion), minor digits, minor units or the refusal.
Run: python3 make_amounts.py > amounts.csv
"""
import random
from decimal import ROUND_HALF_EVEN, Decimal, getcontext

getcontext().prec = 3000
getcontext().Emax, getcontext().Emin = 10**15, -(10**15)
LIMIT = Decimal(10) ** 11


def expected(text, rate, digits):
    value = Decimal(text)
    if value >= LIMIT:
        return "too large"
    if rate:
        value *= Decimal(rate)
        if value >= LIMIT:
            return "too large after conversion"
    # What lies far below half a unit is 0; quantize would need as many digits as the exponent says.
    if value and value.adjusted() < -50:
        return "0"
    return str(int((value * 10**digits).to_integral_value(ROUND_HALF_EVEN)))


def numbers(rng):
    yield from """0 0.0 0e5 0e999 0e-999 0.000 1 1.0 12.5 0.005 0.015 0.025 0.0050000000000000000000000000000000001 0.00499999999999999999999999999999
        0.0049999999999999999999 0.0050000000000000000000 0.0150000000000000000000000 0.01500000000000000000000001 1e-400 1e-2 1e-3 5e-3 15e-3 25e-3 5.0000001e-3
        0.1 0.2 0.30000000000000004 129.95 1E2 1e+2 1e10 9.9999999999e10 99999999999 99999999999.99 99999999999.994 99999999999.995 99999999999.999
        99999999999.9999999999999999999999 100000000000 100000000000.0 1e11 0.1e12 1e999 123456789.125 123456789.135 2.675 1.005 8.345 1e-5 1.5e-5
        9007199254740993 9007199254740.993 0.285 1.115 4.35 1000000.005 10000000000.005 12345678901.23456789012345678901234567890
        1844674407370955.1615e-5 18446744073709551615e-10 18446744073709551616e-10 9999999999999999999e-8 99999999999999999999e-9 10000000000000000000e-9 5e-20 5e-21""".split()
    yield "0." + "0" * 2000 + "1"
    yield "0.005" + "0" * 500
    yield "0.005" + "0" * 500 + "1"
    yield "1" + "0" * 500 + "e-500"
    yield "9" * 500 + "e-490"
    yield "9" * 500 + "e-489"
    for _ in range(160):
        whole = str(rng.randrange(10 ** rng.randrange(1, 13)))
        fraction = "".join(rng.choice("0000055599123") for _ in range(rng.randrange(0, 40)))
        exponent = rng.choice(["", "", "", "e%d" % rng.randrange(-25, 6)])
        yield whole + ("." + fraction if fraction else "") + exponent


def plain(rng):
    yield from """0 00 007.50 0.5 12.345 12.335 0.005 0.015 0.000000001 99999999999.999999999 99999999999 100000000000 0000000000000000000000000000000001.005
        0.123456789 1.000000000""".split()
    for _ in range(60):
        yield f"{rng.randrange(10 ** rng.randrange(1, 12))}.{rng.randrange(10**9):09d}"[: rng.randrange(13, 22)].rstrip(".")


rng = random.Random(4217)
rates = ["", "", "1.0837", "0.0067", "0.000000000000000123", "123456.789", "1", "2", "0.5", "3.33333333333333333", "999999999999999999"]
print("text,form,rate,minor_digits,expected")
for form, source in (("number", numbers(rng)), ("plain", plain(rng))):
    for text in source:
        for rate, digits in (("", 2), (rng.choice(rates), rng.choice([2, 3]))):
            print(f"{text},{form},{rate},{digits},{expected(text, rate, digits)}")
