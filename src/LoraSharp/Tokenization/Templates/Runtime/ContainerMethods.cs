using System.Numerics;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's methods of list, tuple, dict, range and bytes, but for those that change them.</summary>
internal static class ContainerMethods
{
    private static readonly Signature None = new("method", 0);
    private static readonly Signature One = new("method", 1, "value") { IsPositionalOnly = true };
    private static readonly Signature IndexSignature = new("index", 1, "value", "start", "stop") { IsPositionalOnly = true };
    private static readonly Signature GetSignature = new("get", 1, "key", "default") { IsPositionalOnly = true };
    private static readonly Signature FromKeysSignature = new("fromkeys", 1, "iterable", "value") { IsPositionalOnly = true };
    private static readonly Signature DecodeSignature = new("decode", 0, "encoding", "errors");

    public static Method? FindForDict(string name) => name switch
    {
        "get" => (_, self, arguments) => Get((JinjaDict)self, GetSignature.Bind(arguments)),
        "keys" => View(DictView.Part.Keys),
        "values" => View(DictView.Part.Values),
        "items" => View(DictView.Part.Items),
        "copy" => (renderer, self, arguments) => Copy(renderer, (JinjaDict)self, None.Bind(arguments)),
        "fromkeys" => (renderer, _, arguments) => FromKeys(renderer, FromKeysSignature.Bind(arguments)),
        _ => null,
    };

    public static Method? FindForSequence(string name, bool isList) => name switch
    {
        "count" => Count,
        "index" => Index,
        // Nothing changes a list, so that a copy is as good as the list.
        "copy" when isList => (_, self, arguments) => None.Bind(arguments) is var _ ? self : null,
        _ => null,
    };

    public static object? RangeAttribute(JinjaRange range, string name) => name switch
    {
        "start" => range.Start,
        "stop" => range.Stop,
        "step" => range.Step,
        _ => null,
    };

    public static Method? FindForBytes(string name) => name switch
    {
        "decode" => (_, self, arguments) => Decode(((JinjaBytes)self).Bytes, DecodeSignature.Bind(arguments)),
        "hex" => (_, self, _) => Convert.ToHexStringLower(((JinjaBytes)self).Bytes),
        "count" => Count,
        "index" => Index,
        _ => null,
    };

    private static Method View(DictView.Part part) => (_, self, arguments) => None.Bind(arguments) is var _ ? new DictView((JinjaDict)self, part) : null;

    private static object? Get(JinjaDict dict, Bound bound) => dict.TryGet(bound[0], out object? value) ? value : bound.Or(1, null);

    private static JinjaDict Copy(Renderer renderer, JinjaDict dict, Bound bound)
    {
        _ = bound;
        renderer.ChargeItems(dict.Count);
        var copy = new JinjaDict();
        copy.SetAll(dict);
        return copy;
    }

    private static JinjaDict FromKeys(Renderer renderer, Bound bound)
    {
        var dict = new JinjaDict();
        foreach (object? key in Iteration.Of(renderer, bound[0]))
        {
            dict.Set(key, bound.Or(1, null));
        }

        return dict;
    }

    private static object? Count(Renderer renderer, object self, CallArguments arguments)
    {
        object? wanted = One.Bind(arguments)[0];
        return (long)Iteration.Of(renderer, self).Count(item => Operators.AreEqual(item, wanted));
    }

    private static object? Index(Renderer renderer, object self, CallArguments arguments)
    {
        Bound bound = IndexSignature.Bind(arguments);
        List<object?> items = Iteration.ToList(renderer, self);
        int start = bound.Count(1, 0);
        int stop = bound.Count(2, items.Count);
        start = start < 0 ? Math.Max(0, start + items.Count) : start;
        stop = stop < 0 ? stop + items.Count : Math.Min(stop, items.Count);
        for (int i = start; i < stop; i++)
        {
            if (Operators.AreEqual(items[i], bound[0]))
            {
                return (long)i;
            }
        }

        throw Errors.Value($"{Printing.Repr(renderer, bound[0])} is not in {TypeNames.Of(self)}");
    }

    private static string Decode(byte[] bytes, Bound bound)
    {
        string encoding = (bound.Has(0) ? bound.Text(0) : "utf-8").ToLowerInvariant().Replace('_', '-');
        try
        {
            return encoding switch
            {
                "utf-8" or "utf8" => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes),
                "latin-1" or "latin1" or "iso-8859-1" => Encoding.Latin1.GetString(bytes),
                "ascii" or "us-ascii" when !bytes.AsSpan().ContainsAnyExceptInRange((byte)0, (byte)127) => Encoding.ASCII.GetString(bytes),
                "ascii" or "us-ascii" => throw new TemplateException("UnicodeDecodeError", "'ascii' codec can't decode these bytes"),
                _ => throw new TemplateException("LookupError", $"unknown encoding: {encoding} (utf-8, ascii and latin-1 are known)"),
            };
        }
        catch (DecoderFallbackException e)
        {
            throw new TemplateException("UnicodeDecodeError", $"'utf-8' codec can't decode these bytes: {e.Message}");
        }
    }
}

/// <summary>The attributes of numbers.</summary>
internal static class NumberMethods
{
    public static object? IntegerAttribute(object? value, string name)
    {
        Integers.TryGet(value, out BigInteger integer);
        return name switch
        {
            "real" or "numerator" => Integers.Normalize(integer),
            "imag" => 0L,
            "denominator" => 1L,
            "bit_length" => new Function(name, (_, _) => BigInteger.Abs(integer).GetBitLength()),
            "conjugate" => new Function(name, (_, _) => Integers.Normalize(integer)),
            "as_integer_ratio" => new Function(name, (_, _) => new JinjaTuple([Integers.Normalize(integer), 1L])),
            _ => Missing.Value,
        };
    }

    public static object? FloatAttribute(double value, string name) => name switch
    {
        "real" => value,
        "imag" => 0.0,
        "is_integer" => new Function(name, (_, _) => double.IsInteger(value)),
        "conjugate" => new Function(name, (_, _) => value),
        "as_integer_ratio" => new Function(name, (_, _) => Ratio(value)),
        _ => Missing.Value,
    };

    private static JinjaTuple Ratio(double value)
    {
        if (!double.IsFinite(value))
        {
            throw Errors.Overflow($"cannot convert {Doubles.Repr(value)} to integer ratio");
        }

        (BigInteger numerator, BigInteger denominator) = Doubles.Ratio(value);
        BigInteger divisor = BigInteger.GreatestCommonDivisor(numerator, denominator);
        return new JinjaTuple([Integers.Normalize(numerator / divisor), Integers.Normalize(denominator / divisor)]);
    }
}
