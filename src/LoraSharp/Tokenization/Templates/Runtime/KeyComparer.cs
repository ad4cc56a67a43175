using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's equality and hash of keys; lists and mappings are no keys.</summary>
internal sealed class KeyComparer : IEqualityComparer<object>
{
    public static KeyComparer Instance { get; } = new();

    public new bool Equals(object? x, object? y) => Operators.AreEqual(x, y);

    public int GetHashCode(object obj) => obj switch
    {
        bool b => (b ? 1L : 0L).GetHashCode(),
        long l => l.GetHashCode(),
        BigInteger big => big.GetHashCode(),
        double d => HashOf(d),
        string s => string.GetHashCode(s, StringComparison.Ordinal),
        Markup m => string.GetHashCode(m.Text, StringComparison.Ordinal),
        JinjaTuple tuple => HashOf(tuple),
        JinjaList or JinjaDict or DictView => throw Errors.Type($"unhashable type: '{TypeNames.Of(obj)}'"),
        Undefined => 0,
        _ => obj.GetHashCode(),
    };

    private static int HashOf(double d)
    {
        if (!double.IsInteger(d))
        {
            return d.GetHashCode();
        }

        object integer = Integers.Normalize(new BigInteger(d));
        return integer is long l ? l.GetHashCode() : ((BigInteger)integer).GetHashCode();
    }

    private int HashOf(JinjaTuple tuple)
    {
        Operators.RequireStack();
        var hash = new HashCode();
        foreach (object? item in tuple.Items)
        {
            hash.Add(item is null ? 0 : GetHashCode(item));
        }

        return hash.ToHashCode();
    }
}
