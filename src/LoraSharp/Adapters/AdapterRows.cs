using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>Which adapter acts on which row of a batch.</summary>
internal sealed class AdapterRows : IDisposable
{
    /// <summary>The name that means no adapter.</summary>
    public const string Base = "__base__";

    private readonly int _count;

    public AdapterRows(IReadOnlyList<string> names)
    {
        _count = names.Count;
        Groups =
        [
            .. names.Select((name, row) => (name, row)).Where(pair => pair.name != Base).GroupBy(pair => pair.name, pair => (long)pair.row)
                .Select(group => (group.Key, tensor(group.ToArray(), dtype: ScalarType.Int64).DetachFromDisposeScope())),
        ];
    }

    /// <summary>The adapters that are named, each with the indices of its rows (int64).</summary>
    public IReadOnlyList<(string Adapter, Tensor Rows)> Groups { get; }

    /// <summary>Checks that a layer's input has a row for each name.</summary>
    public void RequireBatch(Tensor x)
    {
        if (x.shape[0] != _count)
        {
            throw new AdapterException($"{_count} adapter names were given for a batch of {x.shape[0]} rows; give one name for each row ('{Base}' for none).");
        }
    }

    public void Dispose()
    {
        foreach (var (_, rows) in Groups)
        {
            rows.Dispose();
        }
    }
}
