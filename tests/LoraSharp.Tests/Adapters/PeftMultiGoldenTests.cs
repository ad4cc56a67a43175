using System.Text.Json;
using LoraSharp.Adapters;
using LoraSharp.Tests.Golden;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

public class PeftMultiGoldenTests
{
    [Theory, GoldenCases("peft-multi")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("peft-multi", name);
        golden.RequireKnownParameters("steps");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var tensors = new GoldenTensors(golden);
        using PeftModel model = PeftModel.Load(golden.ModelFolder(), ScalarType.Float32);
        nn.Module module = model.Module;
        tensors.AssertClose("expected.base_logits", model.Forward(tensors));
        int at = 0;
        foreach (JsonElement step in golden.Parameters.GetProperty("steps").EnumerateArray())
        {
            Tensor? logits = null;
            Action run = Step(step);
            if (golden.Expected.GetProperty("refused")[at].ValueKind == JsonValueKind.Null)
            {
                run();
                logits ??= model.Forward(tensors);
                tensors.AssertClose($"expected.logits.{at}", logits);
            }
            else
            {
                Assert.Throws<AdapterException>(run);
                Assert.False(tensors.Has($"expected.logits.{at}"));
            }

            Assert.Equal(Names(golden.Expected.GetProperty("active_adapters")[at]), module.ActiveAdapters());
            Assert.Equal(Names(golden.Expected.GetProperty("adapters")[at]), module.AdapterNames().Order(StringComparer.Ordinal));
            if (golden.Expected.GetProperty("trainable_parameters")[at] is { ValueKind: JsonValueKind.Number } trainable)
            {
                Assert.Equal(trainable.GetInt64(), module.TrainableParameters().Trainable);
            }

            at++;

            Action Step(JsonElement step) => step.GetProperty("op").GetString() switch
            {
                "load" => () => module.LoadAdapter(Folder(step), Text(step, "adapter_name"), step.GetProperty("is_trainable").GetBoolean()),
                "set_adapter" => () => module.SetAdapter(Names(step.GetProperty("adapter_names"))),
                "merge" => () => module.MergeAdapter(adapterNames: step.GetProperty("adapter_names") is { ValueKind: JsonValueKind.Array } names ? Names(names) : []),
                "unmerge" => () => module.UnmergeAdapter(),
                "delete_adapter" => () => module.DeleteAdapter(Text(step, "adapter_name")),
                "hotswap" => () => module.SwapAdapter(Folder(step), Text(step, "adapter_name")),
                "disable_adapter" => () =>
                {
                    using (module.DisableAdapters())
                    {
                        logits = model.Forward(tensors);
                    }
                }
                ,
                "forward" => () =>
                {
                    using (module.UseAdaptersPerRow(Names(step.GetProperty("adapter_names"))))
                    {
                        logits = model.Forward(tensors);
                    }
                }
                ,
                var unknown => throw new NotSupportedException($"The runner does not know the step '{unknown}'."),
            };
        }

        string Folder(JsonElement step) => Path.Combine(golden.Folder, "adapters", Text(step, "folder"));
    }

    private static string Text(JsonElement step, string key) => step.GetProperty(key).GetString()!;

    private static string[] Names(JsonElement list) => [.. list.EnumerateArray().Select(name => name.GetString()!)];
}
