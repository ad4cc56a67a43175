using LoraSharp.Adapters;
using LoraSharp.Adapters.Injection;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>
/// Training of a part of a model, or of all of it, without adapters: <c>model.Freeze().Unfreeze("layers.30-31", "lm_head")</c>, <c>model.TrainAll()</c>. For any TorchSharp module.
/// </summary>
public static class SelectiveTrainingExtensions
{
    /// <summary>Freezes every parameter.</summary>
    /// <returns>The model itself.</returns>
    public static T Freeze<T>(this T model)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(model);
        foreach (Parameter parameter in model.parameters())
        {
            parameter.requires_grad_(false);
        }

        return model;
    }

    /// <summary>Lets parts of the model train.</summary>
    /// <param name="model">The model.</param>
    /// <param name="parts">
    /// Parts by a run of whole names of their paths: <c>lm_head</c>, <c>layers.3.mlp</c>, <c>norm</c>; a number may be a range, both ends included: <c>layers.30-31</c>. A head
    /// that is tied to the embedding brings the embedding with it.
    /// </param>
    /// <returns>The model itself.</returns>
    /// <exception cref="AdapterException">A part matches nothing, or is quantised and cannot be trained; nothing has changed then.</exception>
    public static T Unfreeze<T>(this T model, params string[] parts)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(parts);
        (string Name, Parameter Parameter)[] parameters = [.. model.named_parameters().Select(p => (p.name, p.parameter))];
        string[] quantized = [.. Quantized(model)];
        var chosen = new List<Parameter>();
        foreach (string part in parts)
        {
            PathPattern pattern = PathPattern.Parse(part);
            if (Array.Find(quantized, pattern.IsMatch) is { } frozen)
            {
                throw new AdapterException($"'{part}' includes '{frozen}', whose weight is quantised and cannot be trained. Load the model without quantisation, or add an adapter.");
            }

            Parameter[] matched = [.. parameters.Where(p => pattern.IsMatch(p.Name)).Select(p => p.Parameter)];
            if (matched.Length == 0)
            {
                throw new AdapterException(
                    $"'{part}' matches no part of this model. Parts with similar names: {string.Join(", ", TargetMatcher.Suggest([part], ModuleTree.Walk(model).Select(node => node.Path)))}.");
            }

            chosen.AddRange(matched);
        }

        chosen.ForEach(parameter => parameter.requires_grad_(true));
        return model;
    }

    /// <summary>Lets every parameter train (full fine-tuning).</summary>
    /// <returns>The model itself.</returns>
    /// <exception cref="AdapterException">A layer is quantised and cannot be trained, or adapters are in place; nothing has changed then.</exception>
    public static T TrainAll<T>(this T model)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(model);
        if (AdapterSet.Of(model).Entries is [{ Name: var adapter }, ..])
        {
            throw new AdapterException($"The model has the adapter '{adapter}', under which the base stays frozen. Call MergeAndUnload or Unload first.");
        }

        if (Quantized(model).FirstOrDefault() is { } frozen)
        {
            throw new AdapterException($"'{frozen}' is quantised and cannot be trained. Load the model without quantisation, or add an adapter.");
        }

        foreach (Parameter parameter in model.parameters())
        {
            parameter.requires_grad_(true);
        }

        return model;
    }

    private static IEnumerable<string> Quantized(nn.Module model) =>
        model.named_modules().Where(item => item.module is Layers.Linear { Weight.Parameter: null }).Select(item => item.name + ".weight");
}
