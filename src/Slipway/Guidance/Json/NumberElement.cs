using System.Collections.Concurrent;
using System.Globalization;
using System.Numerics;
using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>
/// Rest of a number within bounds: digits come only where a number can still be made of them.
/// </summary>
/// <remarks>
/// Numbers are written without an exponent and never as minus zero. Elements are made when first needed, equal ones
/// once. Safe for concurrent use.
/// </remarks>
internal sealed class NumberElement : TerminalElement
{
    private readonly Numbers _numbers;
    private readonly string _begun;
    private readonly Lazy<bool> _goesOn;

    private NumberElement(Numbers numbers, string begun)
    {
        (_numbers, _begun, MayEnd) = (numbers, begun, numbers.Contains(begun));
        _goesOn = new(() => ".0123456789".Any(next => numbers.MayBegin(begun + next)));
    }

    public override bool MayEnd { get; }

    // Where no digit may come, nothing is left.
    private bool GoesOn => _goesOn.Value;

    /// <summary>The numbers of a range; null where there is none.</summary>
    public static GrammarElement? Of(NumberRange range) => range.IsEmpty ? null : new Numbers(range).After("");

    public override bool TryTake(byte value, out GrammarElement? rest)
    {
        var after = _numbers.After(_begun + (char)value);
        rest = after?.GoesOn == true ? after : null;
        return after is not null;
    }

    private sealed class Numbers
    {
        private const int Digits = 15;
        private const int MaxTries = 64;

        private readonly ConcurrentDictionary<string, NumberElement?> _elements = new(StringComparer.Ordinal);
        private readonly int _digits; // before the point
        private readonly int _scale; // digits after it
        private readonly BigInteger _min; // in units of the last digit
        private readonly BigInteger _max;
        private readonly BigInteger _step;
        private readonly BigInteger _allNines;
        private readonly BigInteger[] _noSteps;

        public Numbers(NumberRange range)
        {
            var isOne = range.Min is { } min && min == range.Max;
            JsonDecimal[] given = [
                .. range.Multiples, .. range.NoMultiples, .. new[] { range.Min, range.Max }.OfType<JsonDecimal>()];
            var scale = given.Select(value => value.Scale).Append(0).Max();
            var step = range.Multiples.Aggregate(BigInteger.One, (all, next) => MinMultiple(all, next.At(scale)));
            var isWhole = range.Multiples.Count > 0 && step % BigInteger.Pow(10, scale) == 0;
            _scale = isOne || range.Multiples.Count > 0 ? scale : Math.Max(scale, Digits);
            _digits = new[] { range.Min, range.Max }.OfType<JsonDecimal>()
                .Select(
                    value => (BigInteger.Abs(value.Unscaled) / BigInteger.Pow(10, value.Scale)).ToString(
                        CultureInfo.InvariantCulture).Length + 1)
                .Append(Digits).Max();
            var unit = BigInteger.Pow(10, _scale - scale);
            _allNines = BigInteger.Pow(10, _digits + _scale) - 1;
            _step = range.Multiples.Count == 0 ? 1 : step * unit;
            _noSteps = [.. range.NoMultiples.Select(value => value.At(_scale))];
            _min = range.Min is { } from ? from.At(_scale) + (range.ExcludesLeast ? 1 : 0) : -_allNines;
            _max = range.Max is { } to ? to.At(_scale) - (range.ExcludesMost ? 1 : 0) : _allNines;
            if (isWhole && _scale > 0)
            {
                // Integers are written without a point.
                var one = BigInteger.Pow(10, _scale);
                (_min, _max) = (CeilingOf(_min, one), FloorOf(_max, one));
                (_step, _scale) = (_step / one, 0);
                _noSteps = [
                    .. range.NoMultiples.Select(
                        value => MinMultiple(value.At(scale), BigInteger.Pow(10, scale)) / BigInteger.Pow(10, scale))];
            }
        }

        /// <summary>Rest after some characters; null where no number begins so.</summary>
        public NumberElement? After(string begun) => _elements.GetOrAdd(
            begun, static (key, numbers) => numbers.MayBegin(key) ? new(numbers, key) : null, this);

        public bool Contains(string text)
            => Read(text) is { Whole.Length: > 0, Fraction: not "" } read
            && Has(Value(read.Whole, read.Fraction ?? "", 0), 0, read.IsBelow);

        public bool MayBegin(string text)
        {
            if (Read(text) is not { } read)
            {
                return false;
            }

            var (isBelow, whole, fraction) = read;
            if (text.Length == 0)
            {
                return Any(0, _allNines, isBelow: false) || Any(1, _allNines, isBelow: true);
            }

            if (fraction is not null)
            {
                return Has(Value(whole, fraction, 0), _scale - fraction.Length, isBelow);
            }

            if (whole.Length == 0)
            {
                return Any(0, _allNines, isBelow);
            }

            // Any number of further digits may come, but none after a first zero.
            var further = whole == "0" ? 0 : _digits - whole.Length;
            return Enumerable.Range(0, further + 1).Any(count => Has(Value(whole, "", count), _scale + count, isBelow));
        }

        // A minus sign, digits and digits after a point, where they can be the beginning of a number.
        private (bool IsBelow, string Whole, string? Fraction)? Read(string text)
        {
            var isBelow = text.StartsWith('-');
            var parts = (isBelow ? text[1..] : text).Split('.');
            var fits = parts.Length <= 2 && parts.All(part => part.All(char.IsAsciiDigit))
                && parts[0].Length <= _digits && (parts[0].Length < 2 || parts[0][0] != '0')
                && (parts.Length == 1 || (_scale > 0 && parts[0].Length > 0 && parts[1].Length <= _scale));
            return fits ? (isBelow, parts[0], parts.Length == 2 ? parts[1] : null) : null;
        }

        private BigInteger Value(string whole, string fraction, int further)
            => BigInteger.Parse(whole + fraction, CultureInfo.InvariantCulture)
            * BigInteger.Pow(10, _scale - fraction.Length + further);

        private bool Has(BigInteger first, int openDigits, bool isBelow)
            => Any(first, first + BigInteger.Pow(10, openDigits) - 1, isBelow);

        // Whether one of the numbers has a magnitude between two.
        private bool Any(BigInteger first, BigInteger last, bool isBelow)
        {
            (first, last) = isBelow
                ? (BigInteger.Max(_min, -last), BigInteger.Min(_max, BigInteger.Min(-first, -1)))
                : (BigInteger.Max(_min, first), BigInteger.Min(_max, last));
            var next = CeilingOf(first, _step) * _step;
            for (var tries = 0; tries < MaxTries && next <= last; tries++, next += _step)
            {
                if (!Array.Exists(_noSteps, step => next % step == 0))
                {
                    return true;
                }
            }

            return false;
        }

        private static BigInteger MinMultiple(BigInteger x, BigInteger y)
            => x / BigInteger.GreatestCommonDivisor(x, y) * y;

        private static BigInteger FloorOf(BigInteger value, BigInteger unit)
            => BigInteger.DivRem(value, unit, out var rest) - (rest.Sign < 0 ? 1 : 0);

        private static BigInteger CeilingOf(BigInteger value, BigInteger unit) => -FloorOf(-value, unit);
    }
}
