using LoraSharp.Adapters.Bases;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Copies;

/// <summary>An embedding, or a head, in which adapters train the rows of single tokens. A head that is tied to an embedding sees the embedding's rows.</summary>
internal sealed class TrainedTokens : AdaptedLayer
{
    private readonly nn.Module<Tensor, Tensor> base_layer;
    private readonly BaseLayer _base;
    private readonly AdapterTable<TokenTable> _tables;
    private readonly List<string> _merged = [];
    private readonly Stack<(Tensor Indices, Tensor Rows)> _replaced = new();
    private TokenTable? _acting;

    /// <param name="layer">The embedding or head.</param>
    /// <param name="tiedTo">The embedding whose rows a tied head sees, or null.</param>
    public TrainedTokens(BaseLayer layer, TrainedTokens? tiedTo = null)
        : base(nameof(TrainedTokens))
    {
        _base = layer;
        base_layer = layer.Module;
        _tables = tiedTo?._tables ?? new AdapterTable<TokenTable>();
        IsTied = tiedTo is not null;
        register_module("base_layer", base_layer);
        if (!IsTied)
        {
            register_module("token_adapter", _tables);
        }
    }

    public bool IsTied { get; }

    public override nn.Module<Tensor, Tensor> BaseLayer => base_layer;

    public override IReadOnlyCollection<string> AdapterNames => _tables.Names;

    public override IReadOnlyList<string> Merged => _merged;

    public override Tensor forward(Tensor input)
    {
        if (_acting is not { } tokens || _merged.Count > 0)
        {
            return base_layer.call(input);
        }

        using var scope = NewDisposeScope();
        Tensor output = base_layer.call(input);
        return (_base is LinearBase ? tokens.ReplaceLogits(input, output) : tokens.ReplaceVectors(input, output)).MoveToOuterDisposeScope();
    }

    public void Add(string adapter, TokenTable tokens) => _tables.Add(adapter, tokens);

    private protected override void OnChanged() => _acting = Enabled && Rows is null && Active.Count > 0 ? _tables[Active[^1]] : null;

    private protected override IEnumerable<AdapterTensor> FileTensors(string adapter) =>
        IsTied ? [] : [new AdapterTensor("token_adapter.trainable_tokens_delta", _tables[adapter].Rows)];

    private protected override void Remove(string adapter)
    {
        if (_tables.Contains(adapter))
        {
            _tables.Remove(adapter).Dispose();
        }
    }

    private protected override void RequireRows(string adapter)
    {
        if (_tables.Contains(adapter))
        {
            throw new AdapterException($"The adapter '{adapter}' trains single tokens and cannot act on single rows of a batch.");
        }
    }

    private protected override void Merge(IReadOnlyList<string> adapters, MergeSettings settings)
    {
        foreach (string name in adapters.Distinct().Where(name => _tables.Contains(name) && !_merged.Contains(name)))
        {
            if (!IsTied)
            {
                Write(_tables[name].Indices, _tables[name].Rows, remember: true);
            }

            _merged.Add(name);
        }
    }

    private protected override void Unmerge()
    {
        _merged.Clear();
        while (_replaced.TryPop(out var old))
        {
            using (old.Rows)
            {
                Write(old.Indices, old.Rows, remember: false);
            }
        }
    }

    private protected override void OnDetach(bool keepTrained)
    {
        while (_replaced.TryPop(out var old))
        {
            old.Rows.Dispose();
        }
    }

    private void Write(Tensor indices, Tensor rows, bool remember)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor weight = _base.Parameter!.detach();
        if (remember)
        {
            _replaced.Push((indices, weight.index_select(0, indices).DetachFromDisposeScope()));
        }

        weight.index_copy_(0, indices, rows.detach().to(weight.dtype));
    }
}
