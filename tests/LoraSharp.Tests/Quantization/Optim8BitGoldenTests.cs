using System.Text.Json;
using LoraSharp.Quantization;
using LoraSharp.Tests.Golden;

namespace LoraSharp.Tests.Quantization;

public class Optim8BitGoldenTests
{
    [Theory]
    [GoldenCases("optim8bit")]
    public void Golden(string name)
    {
        var c = new GoldenCase("optim8bit", name);
        c.RequireKnownParameters("optimizer", "lr", "betas", "eps", "weight_decay", "min_8bit_size", "block_size", "steps", "dtype", "shapes", "gradients");
        Assert.Equal(EightBitState.BlockSize, c.Parameters.GetProperty("block_size").GetInt32());
        var tensors = new TensorFile(c.TensorsPath);
        QuantizationAssert.InEveryForm(_ => ElementTypeNames.Run(c.Parameters.GetProperty("dtype").GetString()!, new Steps(c, tensors)));
    }

    private sealed class Steps(GoldenCase c, TensorFile tensors) : ElementTypeNames.IAction
    {
        public void Run<T>()
            where T : unmanaged
        {
            for (int i = 0; i < c.Parameters.GetProperty("shapes").GetArrayLength(); i++)
            {
                Run<T>(i);
            }
        }

        private void Run<T>(int i)
            where T : unmanaged
        {
            JsonElement p = c.Parameters;
            string optimizer = p.GetProperty("optimizer").GetString()!;
            bool lion = optimizer is "Lion" or "Lion8bit" or "Lion32bit" or "PagedLion" or "PagedLion8bit" or "PagedLion32bit";
            Assert.True(lion || optimizer.Contains("Adam", StringComparison.Ordinal), $"{c}: unknown optimizer {optimizer}.");
            double lr = p.GetProperty("lr").GetDouble();
            double beta1 = p.GetProperty("betas")[0].GetDouble();
            double beta2 = p.GetProperty("betas")[1].GetDouble();
            double decay = p.GetProperty("weight_decay").GetDouble();
            var adamW = new AdamWSettings(lr, beta1, beta2, p.GetProperty("eps").GetDouble(), decay);
            var lionSettings = new LionSettings(lr, beta1, beta2, decay);

            T[] parameter = tensors.Raw<T>($"input.param.{i}");
            T[] gradients = tensors.Raw<T>($"input.grad.{i}");
            float[] expected = tensors.Singles($"expected.param.{i}");
            int n = parameter.Length;
            bool is8Bit = optimizer.EndsWith("8bit", StringComparison.Ordinal) && n >= p.GetProperty("min_8bit_size").GetInt32();
            Assert.Equal(c.Expected.GetProperty("state_is_8bit")[i].GetBoolean(), is8Bit);
            float[] m = new float[n], v = new float[n];
            EightBitState m8 = new(n), v8 = new(n);
            for (int step = 1; step <= p.GetProperty("steps").GetInt32(); step++)
            {
                ReadOnlySpan<T> gradient = gradients.AsSpan((step - 1) * n, n);
                switch (lion, is8Bit)
                {
                    case (false, false):
                        AdamW.Step(parameter.AsSpan(), gradient, m, v, adamW, step);
                        break;
                    case (false, true):
                        AdamW.Step(parameter.AsSpan(), gradient, m8, v8, adamW, step);
                        break;
                    case (true, false):
                        Lion.Step(parameter.AsSpan(), gradient, m, lionSettings);
                        break;
                    case (true, true):
                        Lion.Step(parameter.AsSpan(), gradient, m8, lionSettings);
                        break;
                }

                QuantizationAssert.Close(expected.AsSpan((step - 1) * n, n), ElementTypeNames.Widened(parameter), c.Absolute, c.Relative, $"param {i} after step {step}");
            }

            CheckState(i, 1, is8Bit, m, m8);
            if (!lion)
            {
                CheckState(i, 2, is8Bit, v, v8);
            }
        }

        private void CheckState(int i, int state, bool is8Bit, float[] full, EightBitState quantized)
        {
            string key = $"expected.state{state}.{i}";
            if (is8Bit)
            {
                QuantizationAssert.SameBits<byte>(tensors.Bytes(key), quantized.Codes.Span, key);
                QuantizationAssert.Close(tensors.Raw<float>($"expected.absmax{state}.{i}"), quantized.Absmax.Span, 0, 1e-5, $"absmax{state}");
                return;
            }

            float[] expected = tensors.Raw<float>(key);
            double tolerance = c.Root.GetProperty("tolerance").GetProperty("state_relative_to_largest").GetDouble();
            QuantizationAssert.Close(expected, full, tolerance * expected.Max(Math.Abs), 0, key);
        }
    }
}
