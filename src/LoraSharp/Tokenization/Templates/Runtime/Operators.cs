using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

internal enum Comparison
{
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
}

/// <summary>Truth, equality, order, membership and length of values, as Python has them.</summary>
internal static class Operators
{
    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        long l => l != 0,
        BigInteger big => !big.IsZero,
        double d => d != 0,
        LoopContext => true,
        _ => TryLength(value, out int length) ? length > 0 : true,
    };

    public static bool TryLength(object? value, out int length)
    {
        int? found = value switch
        {
            string s => CodePoints.Length(s),
            Markup m => CodePoints.Length(m.Text),
            JinjaSequence sequence => sequence.Items.Count,
            JinjaDict dict => dict.Count,
            DictView view => view.Dict.Count,
            JinjaRange range => range.Count,
            JinjaBytes bytes => bytes.Bytes.Length,
            Undefined => 0,
            LoopContext loop => loop.Length,
            _ => null,
        };
        length = found ?? 0;
        return found is not null;
    }

    public static object Length(object? value) =>
        TryLength(value, out int length) ? (long)length : throw Errors.Type($"object of type '{TypeNames.Of(value)}' has no len()");

    public static bool Compare(Renderer renderer, Comparison comparison, object? a, object? b) => comparison switch
    {
        Comparison.Equal => AreEqual(a, b),
        Comparison.NotEqual => !AreEqual(a, b),
        Comparison.Less => Order(a, b, "<") is < 0,
        Comparison.LessEqual => Order(a, b, "<=") is <= 0,
        Comparison.Greater => Order(a, b, ">") is > 0,
        Comparison.GreaterEqual => Order(a, b, ">=") is >= 0,
        Comparison.In => Contains(renderer, b, a),
        _ => !Contains(renderer, b, a),
    };

    public static bool AreEqual(object? a, object? b)
    {
        if (ReferenceEquals(a, b))
        {
            // Not a number differs from itself only as a value of its own; in a container identity counts first.
            return a is not double d || !double.IsNaN(d);
        }

        switch (a, b)
        {
            case (string x, string y):
                Renderer.CountScan(Math.Min(x.Length, y.Length));
                return x == y;
            case (string or Markup, string or Markup):
                return Markup.TextOf(a) == Markup.TextOf(b);
            case (bool or long or BigInteger or double, bool or long or BigInteger or double):
                return CompareNumbers(a, b) == 0;
            case (JinjaList x, JinjaList y):
                return SequencesEqual(x, y);
            case (JinjaTuple x, JinjaTuple y):
                return SequencesEqual(x, y);
            case (JinjaDict x, JinjaDict y):
                return DictsEqual(x, y);
            case (JinjaRange x, JinjaRange y):
                return x.Count == y.Count && (x.Count == 0 || (x.Start == y.Start && (x.Count == 1 || x.Step == y.Step)));
            case (JinjaBytes x, JinjaBytes y):
                return x.Bytes.AsSpan().SequenceEqual(y.Bytes);
            case (DictView { Kind: not DictView.Part.Values } x, DictView { Kind: not DictView.Part.Values } y):
                return x.Dict.Count == y.Dict.Count && x.Items.All(item => y.Items.Any(other => AreEqual(item, other)));
            case (Undefined, Undefined):
                return true;
            default:
                return false;
        }
    }

    /// <summary>The order of two values: negative, zero, positive; null where they have none but may be compared (not a number).</summary>
    public static int? Order(object? a, object? b, string op)
    {
        switch (a, b)
        {
            case (Undefined undefined, _):
                throw undefined.ToError();
            case (_, Undefined undefined):
                throw undefined.ToError();
            case (bool or long or BigInteger or double, bool or long or BigInteger or double):
                return CompareNumbers(a, b);
            case (string or Markup, string or Markup):
                return CompareTexts(Markup.TextOf(a)!, Markup.TextOf(b)!);
            case (JinjaList x, JinjaList y):
                return OrderSequences(x, y, op);
            case (JinjaTuple x, JinjaTuple y):
                return OrderSequences(x, y, op);
            case (JinjaBytes x, JinjaBytes y):
                return x.Bytes.AsSpan().SequenceCompareTo(y.Bytes);
            default:
                throw Errors.Type($"'{op}' not supported between instances of '{TypeNames.Of(a)}' and '{TypeNames.Of(b)}'");
        }
    }

    public static bool Contains(Renderer renderer, object? container, object? item)
    {
        switch (container)
        {
            case string or Markup:
                string text = Markup.TextOf(container)!;
                string part = Markup.TextOf(item) ?? throw Errors.Type($"'in <string>' requires string as left operand, not {TypeNames.Of(item)}");
                renderer.ChargeSearch(text.Length, part.Length);
                return text.Contains(part, StringComparison.Ordinal);
            case JinjaDict dict:
                return dict.Contains(item);
            case DictView { Kind: DictView.Part.Keys } keys:
                return keys.Dict.Contains(item);
            case JinjaRange range:
                return RangeContains(range, item);
            case JinjaBytes bytes:
                return item is JinjaBytes inner
                    ? bytes.Bytes.AsSpan().IndexOf(inner.Bytes) >= 0
                    : Integers.TryGet(item, out BigInteger value) && bytes.Bytes.Any(b => b == value);
            default:
                if (!Iteration.IsIterable(container))
                {
                    throw Errors.Type($"argument of type '{TypeNames.Of(container)}' is not iterable");
                }

                foreach (object? other in Iteration.Of(renderer, container))
                {
                    if (ReferenceEquals(item, other) || AreEqual(item, other))
                    {
                        return true;
                    }
                }

                return false;
        }
    }

    /// <summary>Texts are ordered by code point.</summary>
    public static int CompareTexts(string a, string b)
    {
        Renderer.CountScan(Math.Min(a.Length, b.Length));
        int common = a.AsSpan().CommonPrefixLength(b);
        if (common == a.Length || common == b.Length)
        {
            return a.Length.CompareTo(b.Length);
        }

        char x = a[common];
        char y = b[common];
        // Surrogates stand for code points above all others.
        return char.IsSurrogate(x) == char.IsSurrogate(y) ? x.CompareTo(y) : char.IsSurrogate(x) ? 1 : -1;
    }

    private static int? CompareNumbers(object? a, object? b)
    {
        if (a is long x && b is long y)
        {
            return x.CompareTo(y);
        }

        bool isIntA = Integers.TryGet(a, out BigInteger i);
        bool isIntB = Integers.TryGet(b, out BigInteger j);
        if (isIntA && isIntB)
        {
            return i.CompareTo(j);
        }

        if (!isIntA && !isIntB)
        {
            double d = (double)a!;
            double e = (double)b!;
            return double.IsNaN(d) || double.IsNaN(e) ? null : d.CompareTo(e) is var order && d == e ? 0 : order;
        }

        return isIntA ? CompareExactly(i, (double)b!) : -CompareExactly(j, (double)a!);
    }

    /// <summary>An integer and a double are compared without rounding either.</summary>
    private static int? CompareExactly(BigInteger a, double b)
    {
        if (double.IsNaN(b))
        {
            return null;
        }

        if (double.IsInfinity(b))
        {
            return b > 0 ? -1 : 1;
        }

        double floor = Math.Floor(b);
        int order = a.CompareTo(new BigInteger(floor));
        return order == 0 && floor < b ? -1 : order;
    }

    private static bool SequencesEqual(JinjaSequence a, JinjaSequence b)
    {
        Renderer.CountNested(Math.Min(a.Items.Count, b.Items.Count));
        if (a.Items.Count != b.Items.Count)
        {
            return false;
        }

        for (int i = 0; i < a.Items.Count; i++)
        {
            if (!ReferenceEquals(a.Items[i], b.Items[i]) && !AreEqual(a.Items[i], b.Items[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool DictsEqual(JinjaDict a, JinjaDict b)
    {
        Renderer.CountNested(Math.Min(a.Count, b.Count));
        return a.Count == b.Count && a.Items.All(item =>
            b.TryGet(item.Key, out object? value) && (ReferenceEquals(item.Value, value) || AreEqual(item.Value, value)));
    }

    private static int? OrderSequences(JinjaSequence a, JinjaSequence b, string op)
    {
        int common = Math.Min(a.Items.Count, b.Items.Count);
        Renderer.CountNested(common);
        for (int i = 0; i < common; i++)
        {
            if (!ReferenceEquals(a.Items[i], b.Items[i]) && !AreEqual(a.Items[i], b.Items[i]))
            {
                return Order(a.Items[i], b.Items[i], op);
            }
        }

        return a.Items.Count.CompareTo(b.Items.Count);
    }

    private static bool RangeContains(JinjaRange range, object? item)
    {
        BigInteger value;
        if (item is double d && double.IsInteger(d))
        {
            value = new BigInteger(d);
        }
        else if (!Integers.TryGet(item, out value))
        {
            return false;
        }

        BigInteger offset = value - range.Start;
        BigInteger index = range.Count == 0 ? -1 : BigInteger.DivRem(offset, range.Step, out BigInteger remainder) is var q && remainder.IsZero ? q : -1;
        return index >= 0 && index < range.Count;
    }
}
