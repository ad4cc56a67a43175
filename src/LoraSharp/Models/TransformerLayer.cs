using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>One layer: attention, in decoders of encoder-decoder models attention to the encoder's output, and feed-forward, with norms around them.</summary>
internal sealed class TransformerLayer : ILayer
{
    private readonly BlockConfig _block;
    private readonly Attention _attention;
    private readonly Attention? _cross;
    private readonly IFeedForward _feedForward;
    private readonly Slot? _preAttention;
    private readonly Slot? _postAttention;
    private readonly Slot? _preCross;
    private readonly Slot? _postCross;
    private readonly Slot? _preFeedForward;
    private readonly Slot? _postFeedForward;

    /// <summary>Builds the layer.</summary>
    /// <param name="config">The whole stack's configuration.</param>
    /// <param name="weights">The layer's place.</param>
    /// <param name="index">The layer's number, on which some families' layers depend.</param>
    /// <param name="position">Its place in the stack and in the cache, where layers are repeated; null: its number.</param>
    public TransformerLayer(TransformerConfig config, WeightScope weights, int index, int? position = null)
    {
        _block = config.Block;
        bool plain = _block.FirstIsPlain && index == 0;

        // In the order of Hugging Face's modules, which is the order of parameters.
        _attention = new Attention(config.Attention, weights, config.HiddenSize, position ?? index);
        _cross = config.CrossAttention is { } cross ? new Attention(cross, weights, config.HiddenSize, position ?? index) : null;
        _feedForward = config.FeedForward.Mixture is { } mixture && mixture.IsSparse(index)
            ? new Mixture(mixture, config.FeedForward.Activation, weights, config.HiddenSize)
            : new FeedForward(config.FeedForward, weights, config.HiddenSize);
        _preAttention = plain ? null : Norm(_block.PreAttention);
        _postAttention = Norm(_block.PostAttention);
        _preCross = Norm(_block.PreCross);
        _postCross = Norm(_block.PostCross);
        _preFeedForward = Norm(_block.PreFeedForward);
        _postFeedForward = Norm(_block.PostFeedForward);

        Slot? Norm(string? path) => path is null ? null : weights.Norm(path, config.Norm, config.HiddenSize);
    }

    /// <summary>(B, T, hidden) → (B, T, hidden).</summary>
    public Tensor Forward(Tensor x, AttentionContext context)
    {
        using var scope = NewDisposeScope();
        Tensor input = _preAttention?.Call(x) ?? x;
        Tensor attended = _attention.Forward(input, context);
        if (_block.Parallel)
        {
            Tensor other = _feedForward.Forward(_preFeedForward?.Call(x) ?? input, context);
            return Add(Add(x, attended), other).MoveToOuterDisposeScope();
        }

        x = Join(x, attended, _postAttention);
        if (_cross is not null)
        {
            x = Join(x, _cross.Cross(_preCross?.Call(x) ?? x, context), _postCross);
        }

        // A norm of the last branch needs the branch's values for its gradient.
        AttentionContext last = _postFeedForward is null ? context : context with { ForBackward = false };
        return Join(x, _feedForward.Forward(_preFeedForward?.Call(x) ?? x, last), _postFeedForward).MoveToOuterDisposeScope();
    }

    private Tensor Join(Tensor x, Tensor branch, Slot? norm)
    {
        if (norm is not { } layer)
        {
            return Add(x, branch);
        }

        return _block.NormAfterSum ? layer.Call(Add(x, branch)) : Add(x, layer.Call(branch));
    }

    private Tensor Add(Tensor x, Tensor branch) => _block.ResidualScale == 1 ? x + branch : x + (branch * _block.ResidualScale);
}
