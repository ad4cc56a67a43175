using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>T5's relative bias (Raffel et al. 2020): each head adds a number that depends on the bucket of the distance between key and query.</summary>
internal sealed class RelativeBias
{
    private readonly RelativeBiasConfig _config;
    private readonly bool _causal;
    private readonly Slot _table;

    public RelativeBias(RelativeBiasConfig config, int heads, bool causal, WeightScope weights)
    {
        _config = config;
        _causal = causal;
        _table = weights.Embedding(config.Path, config.Buckets, heads);
    }

    /// <summary>(1, heads, T, past + T) for T tokens after those of the cache.</summary>
    public Tensor Compute(int past, int tokens)
    {
        using var scope = NewDisposeScope();
        var buckets = new long[tokens * (past + tokens)];
        for (int query = 0, at = 0; query < tokens; query++)
        {
            for (int key = 0; key < past + tokens; key++)
            {
                buckets[at++] = Bucket(key - (past + query));
            }
        }

        Tensor rows = tensor(buckets, [tokens, past + tokens]);
        return _table.Call(rows).permute(2, 0, 1).unsqueeze(0).MoveToOuterDisposeScope();
    }

    // The bucket of key position minus query position: exact for small distances, logarithmic up to the largest.
    private long Bucket(int distance)
    {
        int buckets = _config.Buckets, offset = 0;
        if (_causal)
        {
            distance = Math.Max(-distance, 0);
        }
        else
        {
            buckets /= 2;
            offset = distance > 0 ? buckets : 0;
            distance = Math.Abs(distance);
        }

        int exact = buckets / 2;
        if (distance < exact)
        {
            return offset + distance;
        }

        // In single precision, as the reference does: it decides on which side of a bucket's edge a distance falls.
        float scaled = MathF.Log((float)distance / exact) / (float)Math.Log((double)_config.MaxDistance / exact) * (buckets - exact);
        return offset + Math.Min(buckets - 1, exact + (int)scaled);
    }
}
