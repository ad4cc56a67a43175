using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>What the routers of a forward pass decided, kept for the load-balancing loss.</summary>
internal sealed class RouterTrace : IDisposable
{
    private readonly List<(Tensor Logits, Tensor Chosen)> _layers = [];

    /// <summary>Notes one layer's router logits (tokens, experts) and chosen experts (tokens, k).</summary>
    public void Add(Tensor logits, Tensor chosen) => _layers.Add((logits.alias().DetachFromDisposeScope(), chosen.detach().DetachFromDisposeScope()));

    /// <summary>
    /// Load-balancing loss (Fedus et al. 2021): E · Σ_e (routed slots of e / rows) · (mean router probability of e), counted over all layers and all real tokens.
    /// </summary>
    /// <param name="attentionMask">(B, T) of 0 and 1, or null.</param>
    public Tensor LoadBalancingLoss(Tensor? attentionMask)
    {
        if (_layers.Count == 0)
        {
            throw new InvalidOperationException("The load-balancing loss needs a mixture-of-experts model; no layer of this model has a router.");
        }

        using var scope = NewDisposeScope();
        long experts = _layers[0].Logits.shape[1];
        Tensor logits = cat([.. _layers.Select(layer => layer.Logits.to(ScalarType.Float32))], 0);
        Tensor chosen = nn.functional.one_hot(cat([.. _layers.Select(layer => layer.Chosen)], 0), experts).sum(1).to(ScalarType.Float32);
        Tensor probability = logits.softmax(-1);
        if (attentionMask is null)
        {
            return (chosen.mean([0]) * probability.mean([0])).sum().mul(experts).MoveToOuterDisposeScope();
        }

        Tensor real = attentionMask.reshape(-1, 1).to(ScalarType.Float32).repeat(_layers.Count, 1);
        Tensor rows = real.sum();
        return ((chosen * real).sum([0]) / rows * ((probability * real).sum([0]) / rows)).sum().mul(experts).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _layers.ForEach(layer =>
        {
            layer.Logits.Dispose();
            layer.Chosen.Dispose();
        });
        _layers.Clear();
    }
}
