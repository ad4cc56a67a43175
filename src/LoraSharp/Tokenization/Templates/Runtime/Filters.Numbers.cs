using System.Globalization;
using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

internal static partial class Filters
{
    private static readonly string[] DecimalUnits = ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    private static readonly string[] BinaryUnits = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

    private static void AddNumberFilters(Dictionary<string, Func<Renderer, CallArguments, object?>> all)
    {
        Define(all, "abs", 1, ["x"], (_, a) => Absolute(a[0]));
        Define(all, "int", 1, ["value", "default", "base"], ToInteger);
        Define(all, "float", 1, ["value", "default"], (_, a) => ToFloat(a[0], out double value) ? value : a.Or(1, 0.0));
        Define(all, "round", 1, ["value", "precision", "method"], Round);
        Define(all, "filesizeformat", 1, ["value", "binary"], FileSize);
    }

    private static object Absolute(object? value) => value is double d
        ? Math.Abs(d)
        : Integers.TryGet(value, out BigInteger integer) ? Integers.Normalize(BigInteger.Abs(integer)) : throw Errors.Type($"bad operand type for abs(): '{TypeNames.Of(value)}'");

    private static object? ToInteger(Renderer renderer, Bound a)
    {
        switch (a[0])
        {
            case Undefined undefined:
                throw undefined.ToError();
            case string or Markup when Integers.Parse(Markup.TextOf(a[0])!, a.Count(2, 10)) is { } parsed:
                return parsed;
            case double d when double.IsInfinity(d):
                throw Errors.Overflow("cannot convert float infinity to integer");
            default:
                if (Integers.TryGet(a[0], out BigInteger integer))
                {
                    return Integers.Normalize(integer);
                }

                // "42.23" is no integer, but a number that can be cut to one.
                return ToFloat(a[0], out double number) && double.IsFinite(number) ? Integers.Normalize(new BigInteger(number)) : a.Or(1, 0L);
        }
    }

    private static bool ToFloat(object? value, out double number)
    {
        if (value is Undefined undefined)
        {
            throw undefined.ToError();
        }

        if (Markup.TextOf(value) is { } text)
        {
            double? parsed = Doubles.Parse(text);
            number = parsed ?? 0;
            return parsed is not null;
        }

        return Arithmetic.TryDouble(value, out number);
    }

    private static object? Round(Renderer renderer, Bound a)
    {
        string method = a.Has(2) ? Markup.TextOf(a[2]) ?? "" : "common";
        if (method is not ("common" or "ceil" or "floor"))
        {
            throw Errors.FilterArgument("method must be common, ceil or floor");
        }

        if (method == "common")
        {
            int digits = a.Count(1, 0);
            return a[0] is double d ? Doubles.Round(d, digits) : RoundInteger(renderer, a[0], digits);
        }

        object? scale = Arithmetic.Power(renderer, 10L, a.Or(1, 0L));
        object? scaled = Arithmetic.Multiply(renderer, a[0], scale);
        if (!Integers.TryGet(scaled, out BigInteger whole))
        {
            double number = Arithmetic.TryDouble(scaled, out double d) ? d : throw Errors.Type($"must be real number, not {TypeNames.Of(scaled)}");
            whole = double.IsFinite(number)
                ? new BigInteger(method == "ceil" ? Math.Ceiling(number) : Math.Floor(number))
                : throw Errors.Overflow("cannot convert float infinity to integer");
        }

        return Arithmetic.Divide(Integers.Normalize(whole), scale);
    }

    private static object RoundInteger(Renderer renderer, object? value, int digits)
    {
        if (!Integers.TryGet(value, out BigInteger integer))
        {
            throw Errors.Type($"type {TypeNames.Of(value)} doesn't define __round__ method");
        }

        if (digits >= 0)
        {
            return Integers.Normalize(integer);
        }

        if (digits < -Integers.MaxDigits)
        {
            return 0L;
        }

        Integers.TryGet(Integers.Power(renderer, 10, -digits), out BigInteger unit);
        return Integers.Normalize(Doubles.RoundHalfEven(integer, unit) * unit);
    }

    private static object? FileSize(Renderer renderer, Bound a)
    {
        if (!ToFloat(a[0], out double bytes))
        {
            throw Errors.Value($"could not convert to a number of bytes: {Printing.Repr(renderer, a[0])}");
        }

        double unit = a.IsTrue(1) ? 1024 : 1000;
        string[] names = a.IsTrue(1) ? BinaryUnits : DecimalUnits;
        if (bytes == 1)
        {
            return "1 Byte";
        }

        if (bytes < unit)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{new BigInteger(bytes)} Bytes");
        }

        double size = unit;
        int i = 0;
        while (i < names.Length - 1 && bytes >= size * unit)
        {
            size *= unit;
            i++;
        }

        double shown = unit * bytes / (size * unit);
        return (shown < 0 ? "-" : "") + NumberFormat.Float(shown, 'f', 1, false) + " " + names[i];
    }
}
