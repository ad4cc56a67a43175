using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Python's equality and hash of keys; lists and mappings are no keys.</summary>
internal sealed class KeyComparer : IEqualityComparer<object>
{
    public static KeyComparer Instance { get; } = new();

    public new bool Equals(object? x, object? y) => Operators.AreEqual(x, y);

    public int GetHashCode(object obj) => obj switch
    {
        bool b => HashOf(b ? 1L : 0L),
        long l => HashOf(l),
        BigInteger big => big.GetHashCode(),
        double d => HashOf(d),
        string s => HashOf(s),
        Markup m => HashOf(m.Text),
        JinjaTuple tuple => HashOf(tuple),
        JinjaList or JinjaDict or DictView => throw Errors.Type($"unhashable type: '{TypeNames.Of(obj)}'"),
        Undefined => 0,
        _ => obj.GetHashCode(),
    };

    /// <summary>Differs from run to run, so that no template can choose numbers that collide.</summary>
    private static int HashOf(long l) => HashCode.Combine(l);

    private static int HashOf(string text)
    {
        Renderer.CountScan(text.Length);
        return string.GetHashCode(text, StringComparison.Ordinal);
    }

    private static int HashOf(double d)
    {
        if (!double.IsInteger(d))
        {
            return d.GetHashCode();
        }

        object integer = Integers.Normalize(new BigInteger(d));
        return integer is long l ? HashOf(l) : ((BigInteger)integer).GetHashCode();
    }

    private int HashOf(JinjaTuple tuple)
    {
        Renderer.CountNested(tuple.Items.Count);
        var hash = new HashCode();
        foreach (object? item in tuple.Items)
        {
            hash.Add(item is null ? 0 : GetHashCode(item));
        }

        return hash.ToHashCode();
    }
}
