using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>A module of which adapters train full copies (PEFT's modules_to_save): the active adapter's copy acts, or the original when adapters are disabled.</summary>
internal sealed class TrainedCopy : AdaptedLayer
{
    private readonly nn.Module<Tensor, Tensor> original_module;
    private readonly AdapterTable<nn.Module<Tensor, Tensor>> modules_to_save = new();

    public TrainedCopy(nn.Module<Tensor, Tensor> original)
        : base(nameof(TrainedCopy))
    {
        original_module = original;
        RegisterComponents();
    }

    public override nn.Module<Tensor, Tensor> BaseLayer => original_module;

    public override IReadOnlyCollection<string> AdapterNames => modules_to_save.Names;

    public override IReadOnlyList<string> Merged => [];

    /// <summary>The copy that acts now, or the original.</summary>
    public nn.Module<Tensor, Tensor> Acting => Enabled && Active.Count > 0 ? modules_to_save[Active[^1]] : original_module;

    public override Tensor forward(Tensor input) => Acting.call(input);

    public void Add(string adapter) => modules_to_save.Add(adapter, CopyOf(original_module));

    internal override IEnumerable<(string Key, Parameter Tensor)> FileTensors(string adapter) =>
        modules_to_save[adapter].named_parameters().Select(p => (p.name, p.parameter));

    internal override void Delete(string adapter)
    {
        nn.Module<Tensor, Tensor> removed = modules_to_save.Remove(adapter);
        Activate([.. Active]);
        removed.Dispose();
    }

    internal override void Merge(IReadOnlyList<string> adapters, bool safe)
    {
        // A copy replaces its original whole; there is nothing to add.
    }

    internal override void Unmerge()
    {
    }

    /// <summary>Whether a module of this kind can be copied.</summary>
    public static bool Supports(nn.Module module) =>
        module is Layers.Linear { Weight: DenseWeight } or Layers.Embedding or RmsNorm or TorchSharp.Modules.Linear;

    private static nn.Module<Tensor, Tensor> CopyOf(nn.Module<Tensor, Tensor> module) => module switch
    {
        Layers.Linear linear => new Layers.Linear(new DenseWeight(Copy(linear.Weight.Parameter!)), linear.Bias is { } bias ? Copy(bias) : null),
        Layers.Embedding embedding => embedding.WithWeight(Copy(embedding.Weight)),
        RmsNorm norm => norm.WithWeight(Copy(norm.Weight)),
        TorchSharp.Modules.Linear linear => new Layers.Linear(new DenseWeight(Copy(linear.weight)), linear.bias is { } bias ? Copy(bias) : null),
        _ => throw new AdapterException($"A trained copy of a {module.GetType().Name} is not supported."),
    };

    private static Parameter Copy(Parameter source) => new(source.detach().clone(), requires_grad: true);
}
