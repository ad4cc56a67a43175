using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>DeBERTa's vectors of relative positions, shared by all layers, and the convolution that its larger models put after the first layer.</summary>
internal sealed class RelativePositionTable
{
    private readonly RelativePositionsConfig _config;
    private readonly Slot _vectors;
    private readonly Slot? _norm;
    private readonly ConvolutionLayer? _convolution;

    public RelativePositionTable(RelativePositionsConfig config, TransformerConfig model, WeightScope weights)
    {
        _config = config;
        _vectors = weights.Embedding(config.Vectors, 2 * config.Span, model.HiddenSize);
        _norm = config.Norm is { } norm ? weights.Norm(norm, model.Norm, model.HiddenSize) : null;
        _convolution = config.Convolution is { } convolution ? new ConvolutionLayer(convolution, model, weights) : null;
    }

    public bool HasConvolution => _convolution is not null;

    /// <summary>The vectors, and the row for each pair of T queries and T keys.</summary>
    public RelativePositions Compute(int tokens)
    {
        var rows = new long[tokens * tokens];
        for (int query = 0, at = 0; query < tokens; query++)
        {
            for (int key = 0; key < tokens; key++)
            {
                rows[at++] = Math.Clamp(Bucket(query - key) + _config.Span, 0, (2 * _config.Span) - 1);
            }
        }

        Tensor table = ((Embedding)_vectors.Module).Weight;
        return new RelativePositions(_norm?.Call(table) ?? table, tensor(rows, [tokens, tokens]));
    }

    /// <summary>LN(output + act(conv(input))), padded tokens zero.</summary>
    public Tensor Convolve(Tensor input, Tensor output, Tensor? attentionMask) => _convolution!.Forward(input, output, attentionMask);

    // Distances themselves, or logarithmic buckets of them.
    private long Bucket(int distance)
    {
        int middle = _config.Buckets / 2;
        if (_config.Buckets == 0 || Math.Abs(distance) <= middle)
        {
            return distance;
        }

        double share = Math.Log((double)Math.Abs(distance) / middle) / Math.Log((_config.MaxDistance - 1.0) / middle);
        return Math.Sign(distance) * ((long)Math.Ceiling(share * (middle - 1)) + middle);
    }
}
