using static TorchSharp.torch;

namespace LoraSharp.Adapters.Copies;

/// <summary>
/// A module of which adapters train full copies (PEFT's modules_to_save, or a tuned norm): the active adapter's copy acts, or the original when adapters are disabled.
/// </summary>
internal sealed class TrainedCopy : AdaptedLayer
{
    /// <summary>Name under which a module that cannot be wrapped holds its copies.</summary>
    public const string InsideName = "modules_to_save";

    private readonly nn.Module<Tensor, Tensor> original_module;
    private readonly TrainedParameters modules_to_save;

    public TrainedCopy(nn.Module<Tensor, Tensor> original, TrainedParameters copies)
        : base(nameof(TrainedCopy))
    {
        original_module = original;
        modules_to_save = copies;
        RegisterComponents();
    }

    public override nn.Module<Tensor, Tensor> BaseLayer => original_module;

    public override IReadOnlyCollection<string> AdapterNames => modules_to_save.AdapterNames;

    public TrainedParameters Copies => modules_to_save;

    public override Tensor forward(Tensor input) => Rows is { } rows ? ForwardRows(input, rows) : original_module.call(input);

    private Tensor ForwardRows(Tensor input, AdapterRows rows)
    {
        using var scope = NewDisposeScope();
        rows.RequireBatch(input);
        modules_to_save.Place(null);
        Tensor output = original_module.call(input);
        try
        {
            foreach (var (adapter, indices) in rows.Groups.Where(group => AdapterNames.Contains(group.Adapter)))
            {
                modules_to_save.Place(adapter);
                output = output.index_copy(0, indices, original_module.call(input.index_select(0, indices)).to(output.dtype));
            }
        }
        finally
        {
            modules_to_save.Place(null);
        }

        return output.MoveToOuterDisposeScope();
    }

    private protected override void OnChanged()
    {
        modules_to_save.Enable(Enabled);
        modules_to_save.Activate(Active);
    }

    private protected override IEnumerable<AdapterTensor> FileTensors(string adapter) => modules_to_save.FileTensors(adapter);

    private protected override void Remove(string adapter) => modules_to_save.Delete(adapter);

    private protected override void OnDetach(bool keepTrained) => modules_to_save.Release(keepTrained);
}
