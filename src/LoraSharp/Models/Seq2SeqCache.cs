using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>What an encoder-decoder model remembers while it generates: keys and values of the tokens so far, and those of the encoder's output, which are computed once.</summary>
public sealed class Seq2SeqCache : IDisposable
{
    internal Seq2SeqCache(int layers)
    {
        Tokens = new KvCache(layers);
        Memory = new CrossCache(layers);
    }

    /// <summary>Number of decoder tokens held.</summary>
    public int Length => Tokens.Length;

    internal KvCache Tokens { get; }

    internal CrossCache Memory { get; }

    /// <summary>Keeps the rows (of the batch) that <paramref name="rows"/> (int64) names, in that order.</summary>
    internal void Select(Tensor rows)
    {
        Tokens.Select(rows);
        Memory.Select(rows);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Tokens.Dispose();
        Memory.Dispose();
    }
}
