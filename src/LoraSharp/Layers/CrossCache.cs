using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>Keys and values (B, heads, S, headDim) that each decoder layer makes of the encoder's output, computed once for a generation.</summary>
internal sealed class CrossCache(int layers) : IDisposable
{
    private readonly (Tensor Key, Tensor Value)?[] _layers = new (Tensor, Tensor)?[layers];

    public (Tensor Key, Tensor Value)? Find(int layer) => _layers[layer];

    public void Set(int layer, Tensor key, Tensor value) => _layers[layer] = (key.alias().DetachFromDisposeScope(), value.alias().DetachFromDisposeScope());

    /// <summary>Keeps the rows that <paramref name="rows"/> (int64) names, in that order.</summary>
    public void Select(Tensor rows)
    {
        for (int i = 0; i < _layers.Length; i++)
        {
            if (_layers[i] is { } held)
            {
                _layers[i] = (held.Key.index_select(0, rows).DetachFromDisposeScope(), held.Value.index_select(0, rows).DetachFromDisposeScope());
                held.Key.Dispose();
                held.Value.Dispose();
            }
        }
    }

    public void Dispose()
    {
        foreach (var held in _layers)
        {
            held?.Key.Dispose();
            held?.Value.Dispose();
        }

        Array.Clear(_layers);
    }
}
