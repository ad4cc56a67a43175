using System.Text.Json;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Lora.Combining;
using LoraSharp.Adapters.Lora;
using LoraSharp.Tests.Golden;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

public class PeftMergeGoldenTests
{
    [Theory, GoldenCases("peft-merge")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("peft-merge", name);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var tensors = new GoldenTensors(golden);
        string kind = golden.Parameters.GetProperty("kind").GetString()!;
        switch (kind)
        {
            case "add_weighted_adapter":
                golden.RequireKnownParameters("kind", "adapters", "weights", "combination_type", "svd_rank", "svd_clamp", "svd_full_matrices", "density", "majority_sign_method");
                Combine(golden, tensors);
                break;
            case "merge":
                golden.RequireKnownParameters("kind", "active_adapters", "steps", "dtype");
                Merge(golden, tensors);
                break;
            case "nf4":
                golden.RequireKnownParameters("kind", "lora_config", "safe_merge", "compute_dtype", "bias", "weight");
                new QuantizedMergeCase(golden, tensors).Run();
                break;
            default:
                Assert.Fail($"The runner does not know the kind '{kind}'.");
                break;
        }
    }

    private static void Combine(GoldenCase golden, GoldenTensors tensors)
    {
        JsonElement p = golden.Parameters, expected = golden.Expected;
        Assert.Equal(JsonValueKind.Null, p.GetProperty("svd_clamp").ValueKind);
        using PeftModel model = PeftModel.Load(golden.ModelFolder(), ScalarType.Float32);
        foreach (string folder in Directory.EnumerateDirectories(Path.Combine(golden.Folder, "adapters")).Order(StringComparer.Ordinal))
        {
            model.Module.LoadAdapter(folder, Path.GetFileName(folder));
        }

        var options = new CombinationOptions
        {
            Type = Enum.Parse<CombinationType>(p.GetProperty("combination_type").GetString()!.Replace("_", "", StringComparison.Ordinal), ignoreCase: true),
            SvdRank = p.GetProperty("svd_rank") is { ValueKind: JsonValueKind.Number } rank ? rank.GetInt32() : null,
            Density = p.GetProperty("density") is { ValueKind: JsonValueKind.Number } density ? density.GetDouble() : null,
            MajoritySign = Enum.Parse<MajoritySign>(p.GetProperty("majority_sign_method").GetString()!, ignoreCase: true),
        };
        string[] adapters = [.. p.GetProperty("adapters").EnumerateArray().Select(a => a.GetString()!)];
        double[] weights = [.. p.GetProperty("weights").EnumerateArray().Select(w => w.GetDouble())];
        var combination = new WeightedCombination(model.Module, adapters, weights, options, Mask);
        Assert.Equal(expected.GetProperty("r").GetInt32(), combination.R);
        combination.Add("new");
        model.Module.SetAdapter("new");
        Assert.Equal(expected.GetProperty("lora_alpha").GetDouble(), combination.Config.Alpha);
        Assert.Equal(expected.GetProperty("use_rslora").GetBoolean(), combination.Config.UseRsLora);
        Assert.Equal(expected.GetProperty("target_modules").EnumerateArray().Select(t => t.GetString()).Order(), combination.Config.TargetModules!.Names.Order());
        var layers = AdapterSet.Of(model.Module).Layers.Where(item => item.Layer.AdapterNames.Contains("new")).ToDictionary(item => item.Path, item => item.Layer);
        foreach (JsonProperty scaling in expected.GetProperty("scaling").EnumerateObject())
        {
            Assert.Equal(scaling.Value.GetDouble(), ((LoraLayer)layers[scaling.Name]["new"]).Scaling, 9);
        }

        foreach (string name in tensors.Names.Where(n => n.StartsWith("expected.", StringComparison.Ordinal)))
        {
            string[] parts = name.Split('.', 3);
            switch (parts[1])
            {
                case "logits":
                    tensors.AssertClose(name, model.Forward(tensors));
                    break;
                case "delta":
                    LoraLayer whole = (LoraLayer)layers[parts[2]]["new"];
                    tensors.AssertClose(name, model.AsStored(parts[2], whole.Delta(layers[parts[2]].Base) / whole.Scaling));
                    break;
                case "lora_A" or "lora_B":
                    // The signs of singular vectors are free; the delta decides there.
                    if (!options.UsesSvd || adapters.Length == 1)
                    {
                        var layer = (LoraLayer)layers[parts[2]]["new"];
                        tensors.AssertClose(name, parts[1] == "lora_A" ? layer.A : layer.B);
                    }

                    break;
                default:
                    Assert.Fail($"The runner does not know the tensor '{name}'.");
                    break;
            }
        }

        Tensor Mask(string path, string which, string adapter, long[] shape)
        {
            Tensor mask = tensors[$"input.mask.{path}.{which}.{adapter}"];
            return model.AsStored(path, mask).reshape(shape);
        }
    }

    private static void Merge(GoldenCase golden, GoldenTensors tensors)
    {
        JsonElement p = golden.Parameters;
        ScalarType dtype = TestTypes.Of(p.GetProperty("dtype").GetString()!);
        foreach (bool keepOriginal in new[] { false, true })
        {
            using PeftModel model = PeftModel.Load(golden.ModelFolder(), dtype);
            foreach (string folder in Directory.EnumerateDirectories(Path.Combine(golden.Folder, "adapters")).Order(StringComparer.Ordinal))
            {
                model.Module.LoadAdapter(folder, Path.GetFileName(folder));
            }

            model.Module.SetAdapter([.. p.GetProperty("active_adapters").EnumerateArray().Select(a => a.GetString()!)]);
            Dictionary<string, Tensor> start = Weights(model);
            Check(0);
            int step = 0;
            foreach (JsonElement operation in p.GetProperty("steps").EnumerateArray())
            {
                bool refused = golden.Expected.GetProperty("steps_refused").EnumerateArray().Any(r => r.GetInt32() == step);
                switch (operation.GetProperty("op").GetString())
                {
                    case "merge":
                        string[] names = operation.GetProperty("adapter_names") is { ValueKind: JsonValueKind.Array } given ? [.. given.EnumerateArray().Select(a => a.GetString()!)] : [];
                        Action merge = () => model.Module.MergeAdapter(operation.GetProperty("safe_merge").GetBoolean(), keepOriginal, names);
                        if (refused)
                        {
                            Assert.Throws<AdapterException>(merge);
                        }
                        else
                        {
                            merge();
                        }

                        break;
                    case "unmerge":
                        model.Module.UnmergeAdapter();
                        if (keepOriginal)
                        {
                            foreach (var (path, weight) in Weights(model))
                            {
                                Assert.True(weight.eq(start[path]).all().item<bool>(), $"{path} is not restored bit for bit");
                            }
                        }

                        break;
                    case var unknown:
                        Assert.Fail($"The runner does not know the step '{unknown}'.");
                        break;
                }

                Check(++step);
            }

            void Check(int at)
            {
                string[] merged = [.. golden.Expected.GetProperty("merged_adapters")[at].EnumerateArray().Select(a => a.GetString()!)];
                var layers = AdapterSet.Of(model.Module).Layers.ToDictionary(item => item.Path, item => item.Layer);
                foreach (TunedLayer layer in layers.Values)
                {
                    Assert.Equal(merged.Where(layer.AdapterNames.Contains), layer.Merged);
                }

                // Half-precision weights bit by bit, as far as the reference's arithmetic is followed: what was restored is better than its.
                bool exact = dtype != ScalarType.Float32;
                bool restored = keepOriginal && at > 0 && merged.Length == 0;
                foreach (string name in tensors.Names.Where(n => n.StartsWith($"expected.weight.{at}.", StringComparison.Ordinal)))
                {
                    string path = name.Split('.', 4)[3];
                    Tensor weight = model.AsStored(path, layers[path].Base.Weight(dtype));
                    if (!exact || restored)
                    {
                        tensors.AssertClose(name, weight);
                    }
                    else if (!keepOriginal || p.GetProperty("steps").EnumerateArray().Take(at).All(s => s.GetProperty("op").GetString() == "merge"))
                    {
                        Assert.True(weight.eq(tensors[name]).all().item<bool>(), $"{name}: {weight.ne(tensors[name]).sum().item<long>()} elements are not bit for bit equal");
                    }
                }

                tensors.AssertClose($"expected.logits.{at}", model.Forward(tensors));
            }
        }
    }

    private static Dictionary<string, Tensor> Weights(PeftModel model) =>
        AdapterSet.Of(model.Module).Layers.ToDictionary(item => item.Path, item => item.Layer.Base.Weight(item.Layer.Base.Dtype).clone());
}
