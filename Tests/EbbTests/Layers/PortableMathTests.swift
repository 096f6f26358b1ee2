import Ebb
import EbbSystem
import Foundation
import Testing

@Suite struct PortableMathTests {
  @Test func logarithm() {
    for i in 0..<20_000 {
      let x = pow(2, Double(i) / 400 - 36) * (1 + Double(i % 7) / 9)
      let error = abs(PortableMath.log(x) - log(x))
      #expect(error <= 2 * max(log(x).ulp, 0x1p-55), "log \(x)")
    }
    #expect(PortableMath.log(1) == 0)
  }

  @Test func cosine() {
    for i in 0...10_000 {
      let x = Double(i) / 10_000
      #expect(abs(PortableMath.cosine(ofPiTimes: x) - cos(Double.pi * x)) < 1e-15)
    }
    #expect(PortableMath.cosine(ofPiTimes: 0) == 1 && PortableMath.cosine(ofPiTimes: 1) == -1)
    #expect(PortableMath.cosine(ofPiTimes: 0.5) == 0)
  }

  @Test func powers() {
    #expect(PortableMath.power(0.5, 10) == 0x1p-10 && PortableMath.power(0, 0) == 1)
    #expect(PortableMath.oneMinusPower(0.9, 0) == 0 && PortableMath.oneMinusPower(0, .max) == 1)
    #expect(PortableMath.oneMinusPower(0.5, 3) == 0.875)
  }

  /// Against values computed with 40 digits.
  @Test func normalQuantile() {
    let points: [(p: Double, z: Double)] = [
      (1.1641532182693481e-10, -6.3379577545537895),
      (9.5367431640625e-07, -4.7630010342678135),
      (1e-06, -4.753424308822899),
      (0.001, -3.0902323061678136),
      (0.01, -2.326347874040841),
      (0.07, -1.4757910281791706),
      (0.074, -1.4466320671589785),
      (0.076, -1.4325027208258116),
      (0.2, -0.8416212335729142),
      (0.4999, -0.00025066283008800747),
      (0.5, 0.0),
      (0.6, 0.2533471031357997),
      (0.925, 1.4395314709384561),
      (0.93, 1.475791028179171),
      (0.999, 3.090232306167813),
      (0.9999990463256836, 4.7630010342678135),
      (0.9999999997671694, 6.230260137989043),
    ]
    for (p, z) in points {
      #expect(abs(PortableMath.normalQuantile(p) - z) <= 1e-15 * (1 + abs(z)), "\(p)")
    }
  }
}
