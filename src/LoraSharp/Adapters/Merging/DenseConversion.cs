using LoraSharp.Adapters.Copies;
using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Merging;

/// <summary>Turns a whole model into dense weights of one type; what is shared stays shared.</summary>
internal static class DenseConversion
{
    public static void Apply(nn.Module model, ScalarType dtype)
    {
        using var noGrad = no_grad();
        foreach (Linear linear in model.modules().OfType<Linear>().Where(linear => linear.Weight.Parameter is null).ToArray())
        {
            using var scope = NewDisposeScope();
            linear.ReplaceWeight(DenseWeight.Frozen(linear.Weight.Dequantize(dtype)));
        }

        if (model.parameters().All(parameter => parameter.dtype == dtype))
        {
            return;
        }

        var converted = new Dictionary<IntPtr, Parameter>();
        foreach (ParameterSlot slot in ParameterSlot.Of(model, "the model").Where(slot => !slot.IsBuffer))
        {
            using var scope = NewDisposeScope();
            var old = (Parameter)slot.Original();
            if (old.dtype == dtype)
            {
                continue;
            }

            if (!converted.TryGetValue(old.Handle, out Parameter? made))
            {
                made = ParameterCopy.New(old.detach().to(dtype));
                made.requires_grad_(old.requires_grad);
                converted.Add(old.Handle, made);
            }

            slot.Install(made);
        }
    }
}
