using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// Keys and values of the tokens that a model has seen, one pair a layer, each (B, kvHeads, capacity, headDim). Room doubles when it runs out.
/// </summary>
public sealed class KvCache : IDisposable
{
    private const int InitialCapacity = 64;
    private readonly (Tensor Key, Tensor Value)?[] _layers;
    private readonly int _initialCapacity;

    /// <summary>Creates an empty cache for a model with this many layers.</summary>
    /// <param name="layers">Number of decoder layers.</param>
    /// <param name="capacity">Tokens to make room for at once; 0: grows as needed.</param>
    public KvCache(int layers, int capacity = 0)
    {
        _layers = new (Tensor, Tensor)?[layers];
        _initialCapacity = capacity;
    }

    /// <summary>Number of tokens held.</summary>
    public int Length { get; private set; }

    /// <summary>Appends keys and values (B, kvHeads, T, headDim) of one layer and gives all of that layer, as views (B, kvHeads, Length + T, headDim).</summary>
    internal (Tensor Key, Tensor Value) Append(int layer, Tensor key, Tensor value)
    {
        long added = key.shape[2], total = Length + added;
        if (_layers[layer] is not { } held || held.Key.shape[2] < total)
        {
            held = Grow(layer, key, total);
        }

        held.Key.narrow(2, Length, added).copy_(key);
        held.Value.narrow(2, Length, added).copy_(value);
        return (held.Key.narrow(2, 0, total), held.Value.narrow(2, 0, total));
    }

    /// <summary>Called once after all layers have appended.</summary>
    internal void Advance(int tokens) => Length += tokens;

    /// <summary>Keeps the rows (of the batch) that <paramref name="rows"/> (int64) names, in that order.</summary>
    internal void Select(Tensor rows)
    {
        for (int i = 0; i < _layers.Length; i++)
        {
            if (_layers[i] is { } held)
            {
                var chosen = (held.Key.index_select(0, rows).DetachFromDisposeScope(), held.Value.index_select(0, rows).DetachFromDisposeScope());
                held.Key.Dispose();
                held.Value.Dispose();
                _layers[i] = chosen;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int i = 0; i < _layers.Length; i++)
        {
            _layers[i]?.Key.Dispose();
            _layers[i]?.Value.Dispose();
            _layers[i] = null;
        }
    }

    private (Tensor Key, Tensor Value) Grow(int layer, Tensor key, long total)
    {
        using var scope = NewDisposeScope();
        long capacity = Math.Max(Math.Max(InitialCapacity, _initialCapacity), total);
        if (_layers[layer] is { } old)
        {
            capacity = Math.Max(capacity, 2 * old.Key.shape[2]);
        }

        var grown = (Empty(), Empty());
        if (_layers[layer] is { } previous)
        {
            grown.Item1.narrow(2, 0, Length).copy_(previous.Key.narrow(2, 0, Length));
            grown.Item2.narrow(2, 0, Length).copy_(previous.Value.narrow(2, 0, Length));
            previous.Key.Dispose();
            previous.Value.Dispose();
        }

        _layers[layer] = grown;
        return grown;

        Tensor Empty() => empty([key.shape[0], key.shape[1], capacity, key.shape[3]], dtype: key.dtype, device: key.device).DetachFromDisposeScope();
    }
}
